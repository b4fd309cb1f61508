"""The platform at its smallest, by the production Karpenter: what `make e2e` does at length, once and in haste."""

from pathlib import Path

import pytest
import yaml

from slipway.embedded.fleet.delays import Delays
from slipway.paths import REPOSITORY
from tests.drills.everything import in_aws
from tests.drills.fleet import Fleet
from tests.drills.keeping import Watch, warn
from tests.drills.rehearsal import Rehearsal
from tests.live import until

_BUYING = 180.0
THERE = {"VPC", "subnet", "route", "internet", "security", "role", "alias"}
"""Kinds of which an account has some before anything is made."""


@pytest.mark.node
def test_a_platform_comes_up_buys_what_its_mix_says_and_goes_before_its_keepers(tmp_path: Path) -> None:
    rehearsal = Rehearsal.of("dev", tmp_path)
    rehearsal.delays = Delays(scale=0.1)
    shared = yaml.safe_load((REPOSITORY / "stacks" / "Pulumi.shared.yaml").read_text())["config"]
    with rehearsal.changed() as config:
        config["slipway:capacity"]["cpu-serving"]["mix"] = {"on-demand": "50%", "spot": "50%"}
        config["slipway:registry"] = shared["slipway:registry"]
    try:
        rehearsal.up()
        made = in_aws(rehearsal.aws)
        for kind in ("NAT gateway", "cluster", "trail", "topic", "repository"):
            assert len([each for each in made if each.startswith(f"{kind} ")]) == 1, kind

        fleet = Fleet(rehearsal)
        fleet.deploy("mixed", "cpu-serving", pods=4)
        until(lambda: fleet.is_placed("mixed", 4), "four pods on nodes", _BUYING)
        assert fleet.bound("mixed") == {"on-demand": 2, "spot": 2}
        assert max(each.cpus for each in fleet.machines()) <= 8

        victim = next(each for each in fleet.machines() if each.capacity == "spot")
        warn(fleet, victim)
        until(lambda: victim.name not in {each.name for each in fleet.machines()}, "the node to go", _BUYING)
        until(lambda: fleet.is_placed("mixed", 4), "its pods to be elsewhere", _BUYING)
        assert fleet.bound("mixed") == {"on-demand": 2, "spot": 2}

        with Watch(rehearsal) as watch:
            rehearsal.run("destroy", "--yes", "--skip-preview")
        assert watch.most >= 2
        assert watch.wrong == []
        assert rehearsal.state() == []
        assert not {each.split()[0] for each in in_aws(rehearsal.aws)} & {each.split()[0] for each in made} - THERE
    finally:
        rehearsal.down()
