"""A pod becomes a process, and the process what its status says."""

from pathlib import Path
from typing import Any

import pytest

from slipway.embedded.processes import pods
from slipway.embedded.processes.pods import Health, Unpacked
from slipway.embedded.supervisor.spec import Place, Status

IMAGE = "localhost/slipway/digits@sha256:00"
UNPACKED = Unpacked(image=IMAGE, folder="/cache/digits", environment={"SLIPWAY_MODEL": "digits.model:Digits", "A": "1"})
POD: dict[str, Any] = {
    "metadata": {"name": "digits-7c-x", "namespace": "models", "uid": "u1"},
    "spec": {
        "terminationGracePeriodSeconds": 12,
        "containers": [
            {
                "name": "model",
                "image": IMAGE,
                "command": ["python", "-m", "slipway_kit"],
                "workingDir": "/home/bentoml/bento/src",
                "ports": [{"containerPort": 3000}],
                "env": [{"name": "HOME", "value": "/scratch"}, {"name": "A", "value": "2"}],
                "resources": {"limits": {"cpu": "1", "memory": "1Mi"}},
                "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
            }
        ],
    },
    "status": {"podIP": "198.19.1.1"},
}


def running(**changes: Any) -> Status:
    said = {"name": "pod-digits-7c-x", "pid": 7, "started": 1, "fingerprint": "", "restarts": 0, "state": "running"}
    return Status(**{**said, **changes})


def test_a_process_has_its_container_s_command_environment_and_memory() -> None:
    spec = pods.process(POD, UNPACKED, address="127.77.1.1", scratch=Path("/pods/u1"))
    assert spec.argv == [
        "/usr/bin/prlimit",
        "--data=1048576",
        "--",
        "/cache/digits/venv/bin/python",
        "-m",
        "slipway_kit",
    ]
    assert spec.cwd == "/cache/digits/bento/src"
    assert spec.place is Place.HOST
    assert spec.stop_seconds == 12
    assert spec.env["SLIPWAY_MODEL"] == "digits.model:Digits"
    assert spec.env["A"] == "2"  # the pod's word against the image's
    assert spec.env["HOME"] == "/pods/u1/scratch"  # where its volume is, not this machine's /scratch
    assert (spec.env["SLIPWAY_HOST"], spec.env["SLIPWAY_PORT"]) == ("127.77.1.1", "3000")
    assert spec.env["BENTO_PATH"] == "/cache/digits/bento"


def told(status: dict[str, Any]) -> tuple[str, bool, str]:
    container = status["containerStatuses"][0]
    return status["phase"], container["ready"], next(iter(container["state"]))


@pytest.mark.parametrize(
    ("process", "health", "expected"),
    [
        (None, Health(), ("Pending", False, "waiting")),
        (running(), Health(), ("Running", False, "running")),
        (running(), Health(started=True, ready=True), ("Running", True, "running")),
        (running(pid=0, exit_status=1, state="restarting"), Health(ready=True), ("Running", False, "waiting")),
    ],
)
def test_a_status_says_what_the_process_does(
    process: Status | None, health: Health, expected: tuple[str, bool, str]
) -> None:
    status = pods.status(POD, process, health, address="198.19.1.1", host="127.77.0.1")
    assert told(status) == expected
    ready = {each["type"]: each["status"] for each in status["conditions"]}["Ready"]
    assert ready == str(expected[1])


def test_nothing_is_written_where_nothing_but_the_time_is_new() -> None:
    health = Health(started=True, ready=True)
    first = pods.status(POD, running(), health, address="198.19.1.1", host="127.77.0.1")
    first["startTime"] = "2000-01-01T00:00:00Z"
    pod = {**POD, "status": first}
    assert pods.status(pod, running(), health, address="198.19.1.1", host="127.77.0.1") == first
    lost = pods.status(pod, running(), Health(started=True), address="198.19.1.1", host="127.77.0.1")
    assert lost["startTime"] == "2000-01-01T00:00:00Z"
    assert not lost["containerStatuses"][0]["ready"]


def test_what_cannot_be_run_says_why() -> None:
    status = pods.status(POD, None, Health(), address="198.19.1.1", host="127.77.0.1", why="run `slipway build digits`")
    waiting = status["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {"reason": "ErrImageNeverPull", "message": "run `slipway build digits`"}
