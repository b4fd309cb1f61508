"""The parts of the plugins that need no cluster."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from slipway.plugins import scratch
from slipway.plugins.kubernetes import waiting
from slipway.plugins.kubernetes.diff import Change, compare, drifted
from slipway.plugins.properties import (
    UNKNOWN,
    Secret,
    conceal,
    decode,
    encode,
    has_unknowns,
    render,
    reveal,
    secret_paths,
)

LEAVES = st.one_of(st.booleans(), st.integers(-(2**40), 2**40), st.text(max_size=8))
PLAIN: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(LEAVES, st.just(UNKNOWN), LEAVES.map(Secret)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
)
MAPS = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)
PLAIN_MAPS = st.dictionaries(st.text(max_size=5), PLAIN, max_size=4)


@given(MAPS)
def test_properties_survive_the_wire(values: dict[str, Any]) -> None:
    assert decode(encode(values)) == values


@given(MAPS)
def test_what_is_revealed_and_concealed_again_is_the_same(values: dict[str, Any]) -> None:
    paths = list(secret_paths(values))
    assert conceal(reveal(values), paths) == values
    assert not list(secret_paths(reveal(values)))


@given(PLAIN_MAPS)
def test_nothing_differs_from_itself(values: dict[str, Any]) -> None:
    assert not list(compare(values, values))
    assert not has_unknowns(values)


@given(PLAIN_MAPS, PLAIN_MAPS)
def test_what_is_added_one_way_is_deleted_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    turned = {Change.ADDED: Change.DELETED, Change.DELETED: Change.ADDED, Change.UPDATED: Change.UPDATED}
    there = {(change.path, change.change) for change in compare(old, new)}
    back = {(change.path, turned[change.change]) for change in compare(new, old)}
    assert there == back


@given(PLAIN_MAPS, PLAIN_MAPS)
def test_an_object_as_it_was_recorded_has_not_drifted(inputs: dict[str, Any], live: dict[str, Any]) -> None:
    assert drifted(inputs, live, live) == inputs


def test_paths_are_written_as_pulumi_writes_them() -> None:
    assert render(("spec", "containers", 0, "image")) == "spec.containers[0].image"
    assert render(("metadata", "labels", "app.kubernetes.io/name")) == 'metadata.labels["app.kubernetes.io/name"]'


@pytest.mark.parametrize(
    ("generation", "status", "waiting_for"),
    [
        (2, {"observedGeneration": 1}, "the controller to see the change"),
        (1, {"observedGeneration": 1}, "new replicas to be made (0 of 2)"),
        (1, {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 2}, "old replicas to end (1 left)"),
        (
            1,
            {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1},
            "replicas to be available (1 of 2)",
        ),
        (1, {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}, ""),
    ],
)
def test_a_deployment_is_waited_for_step_by_step(generation: int, status: dict[str, Any], waiting_for: str) -> None:
    live = {"metadata": {"generation": generation}, "spec": {"replicas": 2}, "status": status}
    verdict = waiting.judge_deployment(live)
    assert verdict.waiting_for == waiting_for
    assert verdict.ready == (waiting_for == "")


def test_a_rollout_past_its_deadline_has_failed() -> None:
    condition = {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "it took too long"}
    live = {"metadata": {"generation": 1}, "status": {"observedGeneration": 1, "conditions": [condition]}}
    assert waiting.judge_deployment(live).failed == "it took too long"


def test_what_keeps_pods_from_running_is_told_in_the_nodes_words() -> None:
    pod = {
        "metadata": {"name": "web-1"},
        "status": {
            "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}],
            "containerStatuses": [
                {
                    "name": "c",
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
                    "lastState": {"terminated": {"exitCode": 3}},
                },
                {"name": "d", "state": {"waiting": {"reason": "ContainerCreating"}}},
            ],
        },
    }
    assert waiting.pod_faults([pod]) == [
        "pod web-1 is not scheduled: 0/1 nodes are available",
        "pod web-1: CrashLoopBackOff: back-off 10s",
        "pod web-1: container c ended with status 3",
    ]


# -- the scratch copy ----------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "stacks").mkdir(parents=True)
    (folder / "infra").mkdir()
    (folder / "Pulumi.yaml").write_text("name: x\n")
    (folder / "stacks" / "Pulumi.prod.yaml").write_text(
        "secretsprovider: awskms://key\nencryptedkey: abc\nconfig:\n  a:b: 1\n"
    )
    return folder


def test_the_real_secrets_provider_does_not_reach_the_copy(checkout: Path, tmp_path: Path) -> None:
    scratch.sync(tmp_path / "copy", checkout)
    copied = yaml.safe_load((tmp_path / "copy" / "stacks" / "Pulumi.prod.yaml").read_text())
    assert copied == {"config": {"a:b": 1}}
    assert (tmp_path / "copy" / "infra").resolve() == checkout / "infra"


def test_an_edited_stack_file_is_read_again_and_the_salt_of_the_copy_kept(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "stacks" / "Pulumi.prod.yaml"
    scratch.sync(tmp_path / "copy", checkout)
    copy.write_text(copy.read_text() + "encryptionsalt: v1:salt\n")
    original = checkout / "stacks" / "Pulumi.prod.yaml"
    original.write_text("config:\n  a:b: 2\n")
    assert scratch.sync(tmp_path / "copy", checkout) == []
    assert yaml.safe_load(copy.read_text()) == {"config": {"a:b": 2}, "encryptionsalt": "v1:salt"}
    assert original.read_text() == "config:\n  a:b: 2\n"


def test_a_stack_that_was_removed_goes_from_the_copy(checkout: Path, tmp_path: Path) -> None:
    scratch.sync(tmp_path / "copy", checkout)
    (checkout / "stacks" / "Pulumi.prod.yaml").unlink()
    scratch.sync(tmp_path / "copy", checkout)
    assert not list((tmp_path / "copy" / "stacks").glob("Pulumi.*.yaml"))


def test_a_stack_file_that_is_not_yaml_is_named_with_its_line(checkout: Path, tmp_path: Path) -> None:
    (checkout / "stacks" / "Pulumi.prod.yaml").write_text("config:\n  a: [1\n  b: 2\n")
    with pytest.raises(scratch.StackFileError, match=r"stacks/Pulumi\.prod\.yaml:3: this is not YAML"):
        scratch.sync(tmp_path / "copy", checkout)
