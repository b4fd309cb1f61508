"""The parts of the plugins that need no cluster."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from slipway.plugins import scratch
from slipway.plugins.diff import Change, compare, covers, drifted, is_below, parse, value_at
from slipway.plugins.kubernetes import ownership, readiness
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


PATHS = st.lists(st.one_of(st.text(min_size=1, max_size=6), st.integers(0, 9)), min_size=1, max_size=4).map(tuple)


@given(PATHS)
def test_a_path_that_is_written_is_read_again(path: tuple[str | int, ...]) -> None:
    escaped = [part if isinstance(part, int) else re.sub(r'(["\\])', r"\\\1", part) for part in path]
    written = "".join(f"[{part}]" if isinstance(part, int) else f'["{part}"]' for part in escaped)
    assert parse(written) == path


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("spec.replicas", ("spec", "replicas")),
        ("spec.containers[0].image", ("spec", "containers", 0, "image")),
        ("spec.containers[*].image", ("spec", "containers", "*", "image")),
        ('metadata.labels["app.kubernetes.io/name"]', ("metadata", "labels", "app.kubernetes.io/name")),
        ('data["say \\"hello\\""].x', ("data", 'say "hello"', "x")),
    ],
)
def test_a_path_of_pulumis_is_taken_apart(written: str, path: tuple[str | int, ...]) -> None:
    assert parse(written) == path


@given(PLAIN_MAPS, PLAIN_MAPS)
def test_every_difference_is_where_it_is_said_to_be(old: dict[str, Any], new: dict[str, Any]) -> None:
    for change in compare(old, new):
        before, after = value_at(old, change.path), value_at(new, change.path)
        assert before != after
        assert (before is ...) == (change.change is Change.ADDED)
        assert (after is ...) == (change.change is Change.DELETED)
        assert covers(change.path, change.path)
        assert covers(change.path[:1], change.path)
        assert not covers((*change.path, "below"), change.path)


def test_a_change_above_and_below_a_property_is_a_change_of_it() -> None:
    assert is_below(("spec",), "spec.selector")
    assert is_below(("spec", "selector", "matchLabels"), "spec.selector")
    assert not is_below(("spec", "replicas"), "spec.selector")


# -- who manages what ----------------------------------------------------------------------------------------------


def managed(*entries: tuple[str, str, dict[str, Any]], **live: Any) -> dict[str, Any]:
    fields = [{"manager": manager, "operation": how, "fieldsV1": fields} for manager, how, fields in entries]
    return {"metadata": {"managedFields": fields}, **live}


def test_fields_that_are_taken_over_join_those_that_are_managed_already() -> None:
    live = managed(
        ("ours", "Apply", {"f:spec": {"f:a": {}}}),
        ("kubectl-client-side-apply", "Update", {"f:spec": {"f:b": {}}, "f:data": {}}),
        ("kubectl", "Apply", {"f:spec": {"f:a": {}}}),
        ("another", "Apply", {"f:spec": {"f:c": {}}}),
        ("pulumi-kubernetes-cafecafe", "Apply", {"f:spec": {"f:d": {}}}),
    )
    live["metadata"]["managedFields"].append(
        {"manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {}}
    )
    managers = ownership.absorb(live, "ours")
    assert managers is not None
    found = [(entry["manager"], entry.get("subresource")) for entry in managers]
    assert found == [("another", None), ("pulumi-kubernetes-cafecafe", None), ("kubectl", "scale"), ("ours", None)]
    assert managers[-1]["fieldsV1"] == {"f:spec": {"f:a": {}, "f:b": {}}, "f:data": {}}
    assert ownership.absorb(managed(("another", "Apply", {})), "ours") is None


@pytest.mark.parametrize(
    ("theirs", "ours", "applied"),
    [
        ({"f:spec": {"f:replicas": {}}}, {}, {}),
        ({"f:spec": {"f:replicas": {}}}, {"f:spec": {"f:replicas": {}}}, {"replicas": 5}),
        ({"f:spec": {}}, {}, {}),
        ({}, {}, {"replicas": 5}),
    ],
)
def test_what_is_ignored_is_left_out_only_where_it_is_others_alone(
    theirs: dict[str, Any], ours: dict[str, Any], applied: dict[str, Any]
) -> None:
    live = managed(("theirs", "Update", theirs), ("ours", "Apply", ours), spec={"replicas": 5})
    wanted = {"spec": {"replicas": 1, "other": 2}}
    left = ownership.without_ignored(wanted, live, ["spec.replicas", "spec.missing", "spec.list[0].x"], "ours")
    assert left == {"spec": {"other": 2, **applied}}
    assert wanted == {"spec": {"replicas": 1, "other": 2}}


# -- when an object is ready ---------------------------------------------------------------------------------------


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
    verdict = readiness.judge_deployment(live)
    assert verdict.waiting_for == waiting_for
    assert verdict.ready == (waiting_for == "")


def test_a_rollout_past_its_deadline_is_told_and_can_still_come_through() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too long"}
    status = {"observedGeneration": 1, "conditions": [late]}
    live = {"metadata": {"generation": 1}, "status": status}
    verdict = readiness.judge_deployment(live)
    assert not verdict.ready
    assert verdict.told == ("[ProgressDeadlineExceeded] too long",)
    done = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    assert readiness.judge_deployment({**live, "status": {**status, **done}}).ready


@pytest.mark.parametrize(("revision", "ready"), [("1", True), ("2", False)])
def test_a_paused_deployment_is_ready_where_its_first_pods_are_all_it_has(revision: str, ready: bool) -> None:  # noqa: FBT001
    annotations = {"deployment.kubernetes.io/revision": revision}
    live = {
        "metadata": {"generation": 1, "annotations": annotations},
        "spec": {"replicas": 1, "paused": True},
        "status": {"observedGeneration": 1, "replicas": 1, "availableReplicas": 1},
    }
    assert readiness.judge_deployment(live).ready == ready


@pytest.mark.parametrize(
    ("conditions", "waiting_for"),
    [
        ([], ""),
        ([{"ready": True}, {}], ""),
        ([{"ready": False}, {"ready": True}], "the pods it selects to be ready (1 are not)"),
        ([{"ready": False, "terminating": True}], ""),
    ],
)
def test_a_service_waits_for_pods_that_are_not_ready_and_not_for_those_that_leave(
    conditions: list[dict[str, bool]], waiting_for: str
) -> None:
    service = {"spec": {"selector": {"app": "web"}}}
    slices = [{"endpoints": [{"conditions": condition} for condition in conditions]}]
    assert readiness.judge_service(service, slices).waiting_for == waiting_for
    assert readiness.judge_service(service, []).waiting_for == "its endpoints to be looked for"


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
    assert readiness.pod_faults([pod]) == [
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
    copy.write_text(yaml.safe_dump({**yaml.safe_load(copy.read_text()), "encryptionsalt": "v1:salt"}))
    original = checkout / "stacks" / "Pulumi.prod.yaml"
    original.write_text("config:\n  a:b: 2\n")
    assert scratch.sync(tmp_path / "copy", checkout) == []
    assert yaml.safe_load(copy.read_text()) == {"config": {"a:b": 2}, "encryptionsalt": "v1:salt"}
    assert original.read_text() == "config:\n  a:b: 2\n"


def test_what_is_quoted_stays_quoted_for_every_reader(checkout: Path, tmp_path: Path) -> None:
    original = checkout / "stacks" / "Pulumi.prod.yaml"
    original.write_text('config:\n  aws:allowedAccountIds: ["012345678901"]\n  a:b: "1e3"\n')
    scratch.sync(tmp_path / "copy", checkout)
    text = (tmp_path / "copy" / "stacks" / "Pulumi.prod.yaml").read_text()
    assert '"012345678901"' in text  # unquoted, Go reads a number
    assert '"1e3"' in text


def test_a_stack_file_that_no_text_is_in_ends_in_words(checkout: Path, tmp_path: Path) -> None:
    for content in (b"\xff\xfe\x00", b"config: " + b"[" * 3000, b"a: \x00"):
        (checkout / "stacks" / "Pulumi.prod.yaml").write_bytes(content)
        with pytest.raises(scratch.StackFileError, match=r"stacks/Pulumi\.prod\.yaml"):
            scratch.sync(tmp_path / "copy", checkout)


def test_a_stack_that_was_removed_goes_from_the_copy(checkout: Path, tmp_path: Path) -> None:
    scratch.sync(tmp_path / "copy", checkout)
    (checkout / "stacks" / "Pulumi.prod.yaml").unlink()
    scratch.sync(tmp_path / "copy", checkout)
    assert not list((tmp_path / "copy" / "stacks").glob("Pulumi.*.yaml"))


def test_a_stack_file_that_is_not_yaml_is_named_with_its_line(checkout: Path, tmp_path: Path) -> None:
    (checkout / "stacks" / "Pulumi.prod.yaml").write_text("config:\n  a: [1\n  b: 2\n")
    with pytest.raises(scratch.StackFileError, match=r"stacks/Pulumi\.prod\.yaml:3: this is not YAML"):
        scratch.sync(tmp_path / "copy", checkout)
