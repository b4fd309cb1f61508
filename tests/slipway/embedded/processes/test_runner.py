"""The runner: which processes there are, and what pods say of them, whatever fails meanwhile."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytest
from lightkube import Client
from lightkube.resources.core_v1 import Pod

from slipway.embedded.processes.pods import Unpacked
from slipway.embedded.processes.runner import Runner, Settings
from slipway.embedded.supervisor.client import SupervisorClient
from slipway.embedded.supervisor.spec import ProcessSpec, Status
from tests.live import until

IMAGE = "localhost/slipway/digits@sha256:00"


class Cluster:
    """The part of the API that the runner asks."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.fails = False

    def pod(self, name: str, image: str = IMAGE) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "models", "uid": f"uid-{name}", "labels": {}}
        made = {"metadata": metadata, "spec": {"containers": [{"name": "model", "image": image}]}, "status": {}}
        self.pods[name] = made
        return made

    def list(self, *_: Any, **__: Any) -> list[Pod]:
        return [cast("Pod", Pod.from_dict(each)) for each in self.pods.values()]

    def patch(self, _: Any, name: str, change: dict[str, Any], **__: Any) -> None:
        if self.fails:
            raise OSError("the API server starts again")
        self.pods[name]["status"] = change["status"]

    def delete(self, _: Any, name: str, **__: Any) -> None:
        del self.pods[name]


class Processes:
    """The part of the supervisor that the runner asks."""

    def __init__(self) -> None:
        self.specs: dict[str, ProcessSpec] = {}

    def processes(self) -> list[Status]:
        return [
            Status(name=name, pid=number + 7, started=1, fingerprint="", restarts=0, state="running")
            for number, name in enumerate(self.specs)
        ]

    def process(self, name: str) -> Status | None:
        return next((each for each in self.processes() if each.name == name), None)

    def start(self, spec: ProcessSpec) -> bool:
        self.specs[spec.name] = spec
        return True

    def stop(self, name: str) -> None:
        self.specs.pop(name, None)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def processes() -> Processes:
    return Processes()


@pytest.fixture
def runner(cluster: Cluster, processes: Processes, tmp_path: Path) -> Runner:
    images = tmp_path / "images.json"
    images.write_text(json.dumps([asdict(Unpacked(image=IMAGE, folder="/cache/digits"))]))
    settings = Settings(
        instance="unit",
        node="unit-node",
        address="127.77.0.1",
        network="127.77",
        kubeconfig="",
        images=str(images),
        services=str(tmp_path / "services.json"),
        folder=str(tmp_path / "pods"),
    )
    return Runner(settings, cast("Client", cluster), cast("SupervisorClient", processes), ask=lambda *_: True)


def listens(processes: Processes, name: str) -> str:
    return processes.specs[f"pod-{name}"].env["SLIPWAY_HOST"]


def test_an_address_stays_with_the_pod_whose_process_listens_there(
    runner: Runner, cluster: Cluster, processes: Processes
) -> None:
    cluster.pod("b")
    cluster.fails = True
    with pytest.raises(OSError, match="starts again"):
        runner.round()
    first = listens(processes, "b")
    # Another one comes, and is listed before it, while the first has not been able to say where it is.
    cluster.pods = {"a": cluster.pod("a"), "b": cluster.pods["b"]}
    cluster.fails = False
    runner.round()
    assert cluster.pods["b"]["status"]["podIP"].replace("198.19", "127.77") == first
    assert listens(processes, "a") != first
    assert cluster.pods["a"]["status"]["podIP"] != cluster.pods["b"]["status"]["podIP"]


def test_a_pod_that_is_to_go_goes_after_its_process(runner: Runner, cluster: Cluster, processes: Processes) -> None:
    pod = cluster.pod("a")
    runner.round()
    assert "pod-a" in processes.specs
    pod["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    runner.round()
    until(lambda: "a" not in cluster.pods, "the pod to be gone", 10)
    assert not processes.specs


def test_a_process_without_a_pod_is_ended(runner: Runner, cluster: Cluster, processes: Processes) -> None:
    cluster.pod("a")
    runner.round()
    cluster.pods.clear()
    runner.round()
    until(lambda: not processes.specs, "the process to be gone", 10)


def test_an_image_that_was_not_built_here_is_said_and_not_run(
    runner: Runner, cluster: Cluster, processes: Processes
) -> None:
    cluster.pod("a", image="elsewhere@sha256:11")
    runner.round()
    (container,) = cluster.pods["a"]["status"]["containerStatuses"]
    assert "slipway build" in container["state"]["waiting"]["message"]
    assert not processes.specs
