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
from slipway.errors import InstanceError
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
        self.restarted: list[str] = []
        self.refuses = ""
        self.holds = ""
        """The name of a process that does not end."""

    def processes(self) -> list[Status]:
        return [
            Status(name=name, pid=number + 7, started=1, fingerprint="", restarts=0, state="running")
            for number, name in enumerate(self.specs)
        ]

    def process(self, name: str) -> Status | None:
        return next((each for each in self.processes() if each.name == name), None)

    def start(self, spec: ProcessSpec) -> bool:
        if spec.name == self.refuses:
            raise InstanceError("there is no such folder")
        self.specs[spec.name] = spec
        return True

    def stop(self, name: str, *, seconds: float | None = None) -> None:
        del seconds
        if name != self.holds:
            self.specs.pop(name, None)

    def restart(self, name: str) -> None:
        self.restarted.append(name)


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


def told(cluster: Cluster, name: str) -> dict[str, Any]:
    (container,) = cluster.pods[name]["status"]["containerStatuses"]
    return dict(container)


def test_one_that_cannot_be_started_says_why_and_keeps_nobody_from_running(
    runner: Runner, cluster: Cluster, processes: Processes
) -> None:
    processes.refuses = "pod-a"
    cluster.pod("a")
    cluster.pod("b")
    gone = cluster.pod("z")
    runner.round()
    gone["metadata"]["deletionTimestamp"] = "2026-11-23T12:00:00Z"
    runner.round()
    assert told(cluster, "a")["state"]["waiting"] == {
        "reason": "CreateContainerError",
        "message": "there is no such folder",
    }
    assert "pod-b" in processes.specs
    until(lambda: "z" not in cluster.pods, "the pod that is to go", 10)
    processes.refuses = ""
    runner.round()
    assert "running" in told(cluster, "a")["state"]


def test_a_pod_that_asks_for_what_is_not_done_here_is_not_run_without_it(
    runner: Runner, cluster: Cluster, processes: Processes
) -> None:
    container = cluster.pod("a")["spec"]["containers"][0]
    container["env"] = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    runner.round()
    assert told(cluster, "a")["state"]["waiting"]["reason"] == "CreateContainerConfigError"
    assert "env.valueFrom" in told(cluster, "a")["state"]["waiting"]["message"]
    assert not processes.specs


def test_an_address_is_nobody_elses_while_a_process_of_before_listens_there(
    runner: Runner, cluster: Cluster, processes: Processes
) -> None:
    cluster.pod("old")
    runner.round()
    first, processes.holds = listens(processes, "old"), "pod-old"
    del cluster.pods["old"]  # by force: its pod goes at once, its process in its own time
    cluster.pod("new")
    runner.round()
    assert listens(processes, "new") != first


def test_another_runner_takes_the_pods_at_their_word(
    runner: Runner, cluster: Cluster, processes: Processes, tmp_path: Path
) -> None:
    cluster.pod("a")["metadata"]["labels"] = {"app.kubernetes.io/name": "digits"}

    def is_ready() -> bool:
        runner.round()
        return bool(told(cluster, "a")["ready"])

    until(is_ready, "it to be ready", 10)
    services = tmp_path / "services.json"
    assert "digits" in services.read_text()
    settings = runner._settings
    another = Runner(settings, cast("Client", cluster), cast("SupervisorClient", processes), ask=lambda *_: True)
    another.round()
    assert told(cluster, "a")["ready"]
    assert "digits" in services.read_text()


def test_one_that_is_lost_is_restarted_and_not_forgotten(
    cluster: Cluster, processes: Processes, runner: Runner
) -> None:
    pod = cluster.pod("a")
    pod["spec"]["containers"][0]["livenessProbe"] = {
        "httpGet": {"path": "/livez", "port": "http"},
        "periodSeconds": 0,
        "failureThreshold": 2,
    }
    dead = Runner(runner._settings, cast("Client", cluster), cast("SupervisorClient", processes), ask=lambda *_: False)

    def is_restarted() -> bool:
        dead.round()
        return bool(processes.restarted)

    until(is_restarted, "it to be restarted", 10)
    assert set(processes.restarted) == {"pod-a"}
    assert "pod-a" in processes.specs
