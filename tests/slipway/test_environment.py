"""The whole way, as a newcomer goes it: up, a prediction, a change, down; and nothing left behind."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from lightkube.resources.core_v1 import Pod

from slipway.building.archive import Archive
from slipway.embedded.instance import Instance
from slipway.paths import REPOSITORY
from tests.drills.patient import Patient, kill
from tests.live import Live, copy_of_checkout, tracked_files_changed
from tests.snapshot import Snapshot, settled_difference

sys.path.insert(0, str(REPOSITORY / "bentos" / "digits"))
from digits.data import load

GATE = 0.97


def test_the_deployed_model_reads_the_held_out_digits(live: Live) -> None:
    split = load()
    said: list[int] = []
    with httpx.Client(base_url=live.url("digits"), timeout=60) as client:
        for first in range(0, len(split.held_out_images), MOST):
            items = [{"image": image} for image in split.held_out_images[first : first + MOST].tolist()]
            reply = client.post("/predict/batch", json=items)
            assert reply.status_code == 200, reply.text
            said += [result["output"]["digit"] for result in reply.json()["results"]]
    right = [digit == true for digit, true in zip(said, split.held_out_labels.tolist(), strict=True)]
    assert len(right) == 450
    assert sum(right) / len(right) >= GATE


MOST = 64
"""Items in a request, as the stack file leaves it."""
IMAGE = [[0.0] * 8] * 8
WRONG_REQUESTS = {
    "too few rows": ({"image": IMAGE[:7]}, "Expected `array` of length >= 8 - at `$.image`"),
    "too many columns": ({"image": [[0.0] * 9] * 8}, "Expected `array` of length <= 8 - at `$.image[0]`"),
    "flat image": ({"image": [0.0] * 64}, "Expected `array`"),
    "words for pixels": ({"image": [["ink"] * 8] * 8}, "Expected `float`, got `str`"),
    "pixels beyond black": ({"image": [[17.0] * 8] * 8}, "Expected `float` <= 16.0"),
    "negative pixels": ({"image": [[-1.0] * 8] * 8}, "Expected `float` >= 0.0"),
    "no image": ({}, "missing required field `image`"),
    "an unknown key": ({"image": IMAGE, "model": "other"}, "unknown field `model`"),
    "a list for a request": ([IMAGE], "Expected `object`, got `array`"),
}


@pytest.mark.parametrize("name", WRONG_REQUESTS)
def test_a_wrong_request_is_refused_with_the_reason(name: str, live: Live) -> None:
    request, reason = WRONG_REQUESTS[name]
    reply = httpx.post(f"{live.url('digits')}/predict", json=request, timeout=30)
    assert (reply.status_code, reply.json()["error"]["reason"]) == (422, "invalid")
    assert reason in reply.json()["error"]["message"]


@pytest.mark.parametrize(("items", "status"), [(0, 422), (MOST + 1, 413)])
def test_a_list_of_no_items_or_too_many_is_refused(items: int, status: int, live: Live) -> None:
    reply = httpx.post(f"{live.url('digits')}/predict/batch", json=[{"image": IMAGE}] * items, timeout=30)
    assert (reply.status_code, reply.json()["error"]["reason"]) == (status, "number_of_items")


def test_malformed_json_is_refused(live: Live) -> None:
    url, json_type = f"{live.url('digits')}/predict", {"content-type": "application/json"}
    for body in (b'{"image": [[', b"hello", b"\xff\xfe", b'{"image": NaN}'):
        reply = httpx.post(url, content=body, headers=json_type, timeout=30)
        assert (reply.status_code, reply.json()["error"]["reason"]) == (400, "not_json"), body


def test_a_body_beyond_the_limit_is_cut_off(live: Live) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 65536

    url = f"{live.url('digits')}/predict"
    assert httpx.post(url, content=b" " * (2 << 20), timeout=30).status_code == 413
    assert httpx.post(url, content=endless(), timeout=30).status_code == 413


def test_what_monitoring_asks_for_is_answered(live: Live) -> None:
    said = httpx.get(f"{live.url('digits')}/metrics", timeout=30).text
    assert "slipway_ready 1.0" in said
    assert 'slipway_refusals_total{reason="deadline_unreachable"}' in said


def test_the_pod_has_no_rights_it_does_not_need(live: Live) -> None:
    (running,) = live.client.list(Pod, namespace="models")
    assert running.spec is not None
    (container,) = running.spec.containers
    assert container.image is not None
    assert "@sha256:" in container.image
    context = container.securityContext
    assert context is not None
    assert context.readOnlyRootFilesystem is True
    assert context.allowPrivilegeEscalation is False
    assert running.spec.securityContext is not None
    assert running.spec.securityContext.runAsNonRoot is True


@pytest.mark.node
def test_the_image_is_small_and_has_no_compiler(live: Live) -> None:
    del live  # it was built for it
    lock = json.loads((REPOSITORY / "stacks" / "models.built.json").read_text())["digits"]
    archive = Archive(Path(lock["archive"]))
    assert lock["image"].endswith(archive.digest)
    files = archive.files()
    assert sum(files.values()) <= 700e6
    names = {Path(name).name for name in files}
    assert "python3.11" in names
    assert any(name.startswith("onnxruntime_pybind11_state") for name in names)
    assert not names & {"gcc", "cc", "cc1", "g++", "clang", "ld", "as", "make", "git", "libtorch.so", "libtorch_cpu.so"}
    assert not any(name.startswith(("x86_64-linux-gnu-gcc", "cpp-")) for name in names)


def test_a_literal_preview_after_an_up_has_no_changes(live: Live) -> None:
    done = live.shell("pulumi preview --stack local --expect-no-changes --non-interactive")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "23 unchanged" in done.stdout
    done = live.shell("pulumi up --stack local --yes --non-interactive && pulumi refresh --stack local --yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "23 unchanged" in done.stdout


def test_another_number_of_replicas_is_exactly_one_update(live: Live, tmp_path: Path) -> None:
    checkout = copy_of_checkout(tmp_path / "checkout")
    file = checkout / "stacks" / "Pulumi.local.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["slipway:models"]["digits"]["replicas"] = 2
    file.write_text(yaml.safe_dump(content))
    workspace = live.workspace(checkout)
    workspace.prepare("local")
    try:
        said = workspace.pulumi_command("preview", "--stack", "local", "--json")
        steps = [step for step in json.loads(said[said.index("{\n") :])["steps"] if step["op"] != "same"]
        assert [(step["op"], step["urn"].rpartition("::")[2]) for step in steps] == [("update", "digits")]
        assert list(steps[0]["detailedDiff"]) == ["spec.replicas"]
    finally:
        live.workspace().prepare("local")


def test_up_again_leaves_every_process_alone(live: Live) -> None:
    before = {status.name: status.pid for status in live.instance.supervisor.processes()}
    live.up()
    after = {status.name: status.pid for status in live.instance.supervisor.processes()}
    assert after == before
    assert len(after) == 11


@pytest.mark.last
def test_nothing_listens_beyond_the_loopback(live: Live) -> None:
    if live.is_shared:
        pytest.skip("what listens for a shared instance did so before")
    listeners = Snapshot.take().listeners - live.before.listeners
    assert listeners
    network = live.instance.network
    hosts = {listener.rpartition(":")[0] for listener in listeners}
    # Without a network of its own, it has a part of the loopback.
    assert {host for host in hosts if not (network and host.startswith(f"{network}."))} == {"127.0.0.1"}
    doors = {int(each.rpartition(":")[2]) for each in listeners if each.startswith("127.0.0.1:")}
    assert doors == set(live.instance.ports().values())


def test_a_stack_that_does_not_run_has_no_environment(live: Live) -> None:
    del live
    other = Live("test-absent", Snapshot.take())
    done = other.shell("true")
    assert done.returncode != 0
    assert "does not run" in done.stderr
    assert "run `slipway up local --as test-absent`" in done.stderr


@pytest.mark.last
def test_up_heals_an_instance_that_lost_its_supervisor_and_its_machine(live: Live) -> None:
    if live.is_shared:
        pytest.skip("it would end what others use")
    # `make e2e` does this to every process, and at every moment.
    patient = Patient(live.name)
    patient.remember()
    pids = patient.pids()
    for name in ("supervisor", "machine" if "machine" in pids else "kube-apiserver"):
        kill(pids[name])
    live.close()
    live.up()
    patient.assert_well()


@pytest.mark.last
def test_down_leaves_the_machine_as_it_was(live: Live) -> None:
    live.down()
    assert settled_difference(live.before) == {}
    assert not Instance(live.name).exists()
    assert tracked_files_changed() == live.changed_before
