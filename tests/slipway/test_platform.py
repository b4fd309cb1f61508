"""The platform at its smallest, by the production Karpenter: what `make e2e` does at length, once and in haste."""

from pathlib import Path

from slipway.embedded.fleet.delays import Delays
from tests.drills.fleet import Fleet
from tests.drills.keeping import Watch, warn
from tests.drills.rehearsal import Rehearsal
from tests.live import until

_BUYING = 180.0


def test_a_mix_is_bought_mended_after_a_spot_warning_and_given_back_before_its_keepers(tmp_path: Path) -> None:
    rehearsal = Rehearsal.of("dev", tmp_path)
    rehearsal.delays = Delays(scale=0.1)
    with rehearsal.changed() as config:
        config["slipway:capacity"]["cpu-serving"]["mix"] = {"on-demand": "60%", "spot": "40%"}
    try:
        rehearsal.up()
        fleet = Fleet(rehearsal)
        fleet.deploy("mixed", "cpu-serving", pods=5)
        until(lambda: fleet.is_placed("mixed", 5), "five pods on nodes", _BUYING)
        assert fleet.bound("mixed") == {"on-demand": 3, "spot": 2}
        assert max(each.cpus for each in fleet.machines()) <= 8

        victim = next(each for each in fleet.machines() if each.capacity == "spot")
        warn(fleet, victim)
        until(lambda: victim.name not in {each.name for each in fleet.machines()}, "the node to go", _BUYING)
        until(lambda: fleet.is_placed("mixed", 5), "its pod to be elsewhere", _BUYING)
        assert fleet.bound("mixed") == {"on-demand": 3, "spot": 2}

        with Watch(rehearsal) as watch:
            rehearsal.run("destroy", "--yes", "--skip-preview")
        assert watch.most >= 5
        assert watch.wrong == []
        assert rehearsal.state() == []
    finally:
        rehearsal.down()
