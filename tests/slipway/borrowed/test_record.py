"""What an instance remembers of the cluster of others that it is in."""

from dataclasses import replace
from pathlib import Path

import pytest

from slipway.borrowed import record as records
from slipway.borrowed.record import Record
from slipway.borrowed.way import Way
from slipway.embedded.instance import Instance
from slipway.errors import InstanceError
from tests.slipway.borrowed.test_way import kubeconfig

ONE = Record(
    context="kind-dev",
    kubeconfig="/home/somebody/.kube/config",
    cluster="uid-1",
    called=("theirs",),
    account="111122223333",
    namespaces=("team",),
)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Instance("unit")


def test_nothing_is_remembered_before_and_after(instance: Instance) -> None:
    assert Record.of(instance) is None
    ONE.keep(instance)
    assert Record.of(instance) == ONE
    records.forget(instance)
    assert Record.of(instance) is None
    records.forget(instance)


def test_names_of_before_are_kept_as_the_state_may_have_them(instance: Instance) -> None:
    ONE.keep(instance)
    replace(ONE, called=("renamed",), namespaces=("other",)).keep(instance)
    kept = ONE.keep(instance)
    assert (kept.called, kept.namespaces) == (("renamed", "theirs"), ("other", "team"))


def test_another_cluster_of_the_same_context_is_refused(instance: Instance) -> None:
    ONE.keep(instance)
    with pytest.raises(InstanceError, match="the context kind-dev means another cluster than the one") as refused:
        replace(ONE, cluster="uid-2").keep(instance)
    assert "slipway down unit --abandon" in refused.value.remedy
    assert Record.of(instance) == ONE


def test_the_way_back_is_that_to_the_very_cluster(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of before now means another cluster, that of the shell the right one."""
    recorded = kubeconfig(tmp_path / "recorded", server="https://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "shell", server="https://127.0.0.1:2")))
    monkeypatch.setattr(Way, "cluster", lambda way: f"uid-{way.port}")
    there = replace(ONE, kubeconfig=str(recorded), cluster="uid-2")
    assert records.leading_back(there, instance).port == 2
    with pytest.raises(InstanceError, match="means another cluster than the one"):
        records.leading_back(replace(there, cluster="uid-3"), instance)
    recorded.unlink()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "gone"))
    with pytest.raises(InstanceError, match="no kubeconfig has the context kind-dev any more"):
        records.leading_back(there, instance)
    instance.folder.mkdir(parents=True)
    kubeconfig(instance.kubeconfig, server="https://127.0.0.1:2", name="theirs")
    assert records.leading_back(there, instance).context == "theirs"
