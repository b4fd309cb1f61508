"""The mode of an instance: chosen, kept, or refused with what is missing and the mode that would work."""

from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings, load_file
from slipway import paths
from slipway.embedded import choosing, preflight
from slipway.embedded.choosing import Choice, choose
from slipway.embedded.instance import Instance
from slipway.embedded.modes import Mode
from slipway.embedded.preflight import Lack
from slipway.errors import InstanceError, PreflightError
from slipway.paths import REPOSITORY

ROOT = Lack("you are not root", "run it with sudo")


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(paths, "runtime", lambda: tmp_path / "run")
    return Instance("unit")


def stack(name: str) -> Settings:
    return load_file(REPOSITORY / "stacks" / f"Pulumi.{name}.yaml")


def lacking(monkeypatch: pytest.MonkeyPatch, *lacks: Lack) -> None:
    monkeypatch.setattr(preflight, "lacks_of_node", lambda: list(lacks))


def test_the_best_that_the_machine_allows_is_chosen(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch)
    assert choose(instance, stack("local"), stack="local").mode is Mode.NODE
    lacking(monkeypatch, ROOT)
    assert choose(instance, stack("local"), stack="local") == Choice(Mode.PROCESSES, "you are not root")


def test_an_instance_stays_in_its_mode(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch)
    instance.settle(Mode.PROCESSES)
    assert choose(instance, stack("local"), stack="local") == Choice(Mode.PROCESSES, "it is in this mode already")
    assert instance.network.startswith("127.")
    assert instance.address == f"{instance.network}.0.1"
    with pytest.raises(InstanceError, match="is in the mode `processes`, and `node` is asked for"):
        instance.settle(Mode.NODE)


@pytest.mark.usefixtures("instance")
def test_two_instances_do_not_share_a_part_of_the_loopback() -> None:
    others = [Instance(name) for name in ("unit", "unit2", "unit3")]
    for each in others:
        each.folder.mkdir(parents=True)
        each.settle(Mode.PROCESSES)
    assert len({each.network for each in others}) == 3


def test_an_impossible_mode_names_what_is_missing_and_what_would_work(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking(monkeypatch, ROOT, Lack("no overlay", "run `modprobe overlay`"))
    with pytest.raises(PreflightError) as refused:
        choose(instance, stack("local"), stack="local", asked=Mode.NODE)
    for part in (
        "you are not root",
        "no overlay",
        "run it with sudo",
        "modprobe",
        "up local --as unit --mode processes",
    ):
        assert part in str(refused.value)


def test_a_stack_that_needs_a_node_is_refused_without_one(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch)
    with pytest.raises(PreflightError) as refused:
        choose(instance, stack("dev"), stack="dev", asked=Mode.PROCESSES)
    for part in ("slipway:capacity", "slipway:cluster", "slipway up dev --as unit --mode node"):
        assert part in str(refused.value)
    lacking(monkeypatch, ROOT)
    with pytest.raises(PreflightError) as refused:
        choose(instance, stack("dev"), stack="dev")
    for part in ("slipway:capacity", "you are not root", "run it with sudo"):
        assert part in str(refused.value)


def test_what_needs_a_node_is_named_by_its_keys() -> None:
    assert not list(choosing.needs_a_node(stack("local")))
    assert not list(choosing.needs_a_node(stack("shared")))
    assert any(each.startswith("slipway:capacity: ") for each in choosing.needs_a_node(stack("prod")))


def test_a_stack_that_has_come_to_need_a_node_is_refused_while_it_is_up_without_one(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking(monkeypatch, ROOT)
    instance.settle(Mode.PROCESSES)
    monkeypatch.setattr(Instance, "is_up", True)
    assert choose(instance, stack("local"), stack="local").mode is Mode.PROCESSES
    with pytest.raises(PreflightError, match="slipway:capacity"):
        choose(instance, stack("dev"), stack="dev")


def in_a_context(**more: Any) -> Settings:
    """A stack for a cluster of others, with one model that was built here."""
    model = {"image": "built", "resources": {"cpu": "500m", "memory": "512Mi"}, **more.pop("model", {})}
    cluster = {"context": "theirs", "registry": "localhost:5001/slipway", **more.pop("cluster", {})}
    return Settings.model_validate({"slipway:cluster": cluster, "slipway:models": {"digits": model}, **more})


def test_a_cluster_of_others_is_only_taken_where_it_is_asked_for(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking(monkeypatch)
    assert choose(instance, in_a_context(), stack="team").mode is Mode.NODE
    chosen = choose(instance, in_a_context(), stack="team", asked=Mode.CONTEXT)
    assert chosen == Choice(Mode.CONTEXT, "`--context` was given")
    instance.settle(Mode.CONTEXT)
    assert choose(instance, in_a_context(), stack="team").mode is Mode.CONTEXT


@pytest.mark.parametrize(
    ("settings", "lacks", "keys"),
    [
        (stack("dev"), [], ["slipway:cluster", "slipway:capacity"]),
        (stack("shared"), [], ["slipway:cluster"]),
        (stack("local"), [], ["slipway:gateway", "slipway:models.digits.image"]),
        (in_a_context(**{"slipway:cache": {}}), [], ["slipway:cache"]),
        (in_a_context(model={"scaling": {"max": 3, "cpu": "70%"}}), [], ["slipway:models.*.scaling"]),
        (in_a_context(), [ROOT], ["slipway:models.digits.image"]),
    ],
)
def test_what_is_not_deployed_to_a_cluster_of_others_is_refused_by_key(
    settings: Settings, lacks: list[Lack], keys: list[str], instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking(monkeypatch, *lacks)
    with pytest.raises(PreflightError) as refused:
        choose(instance, settings, stack="team", asked=Mode.CONTEXT)
    said = [line.removeprefix("  - ").partition(": ")[0] for line in str(refused.value).splitlines() if "  - " in line]
    assert said == keys
