"""A model at the gateway of a stack, asked as clients ask: with a key, at rates, by the project's generator."""

import base64
import contextlib
import json
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import psutil
from lightkube import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod, Secret

from infra.models.planning import NAME_LABEL
from infra.settings.cluster import NAMESPACE
from infra.traffic import GATEWAY_NAMESPACE, GATEWAY_SERVICE, KEY_HEADER
from slipway.answers import load_example
from slipway.embedded.instance import GATEWAY
from slipway.load import schedules
from slipway.load.generating import generate
from slipway.load.plan import Payload, Plan
from slipway.load.results import Results
from tests.drills.rehearsal import Rehearsal
from tests.drills.report import Episode

SECRET = "clients"
_METRICS_PORT = 19001


@dataclass
class Gate:
    """A model behind the gateway.

    Attributes:
        rehearsal: The stack.
        model: Its name.
        client: Who asks.
        objective: Seconds.
    """

    rehearsal: Rehearsal
    model: str
    client: str = "local"
    objective: float = 0.5
    _seen: list[tuple[float, int, int]] = field(default_factory=list, repr=False)

    @property
    def port(self) -> int:
        return self.rehearsal.instance.ports()[GATEWAY]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.model}"

    @property
    def key(self) -> str:
        """The client's; made if it has none."""
        found = self.rehearsal.kubernetes.get(Secret, SECRET, namespace=NAMESPACE)
        if self.client in (found.data or {}):
            return base64.b64decode((found.data or {})[self.client]).decode()
        key = secrets.token_urlsafe(24)
        added = {"stringData": {self.client: key}}
        self.rehearsal.kubernetes.patch(Secret, SECRET, added, namespace=NAMESPACE)
        return key

    def post(self, **headers: str) -> httpx.Response:
        """Its example, once."""
        example = self.example()
        said = {KEY_HEADER: self.key, **headers}
        return httpx.post(
            f"{self.url}{example['path']}", json=example["request"], headers=said, timeout=30, trust_env=False
        )

    def example(self) -> dict[str, Any]:
        example = load_example(self.model)
        assert example is not None
        return example

    @contextmanager
    def asked(self, *steps: tuple[float, float], seed: int = 1) -> Iterator["Asked"]:
        """It is asked its example at rates, each for so many seconds; the block may end before."""
        example = self.example()
        (said,) = example["answer"].items()
        payload = Payload(json.dumps(example["request"]), f'"{said[0]}":{json.dumps(said[1])}')
        plan = Plan(
            port=self.port,
            path=f"/{self.model}{example['path']}",
            payloads=[payload],
            headers=[(KEY_HEADER, self.key)],
            timeout=5.0,
            open=64,
        )
        schedule = schedules.steps(steps, seed=seed)
        with ThreadPoolExecutor(2) as threads:
            asked = Asked(self, threads.submit(generate, plan, schedule))
            threads.submit(asked.watch)
            yield asked
            asked.results()

    # -- its pods ------------------------------------------------------------------------------------------------

    def replicas(self) -> tuple[int, int]:
        """Wanted, and ready."""
        found = self.rehearsal.kubernetes.get(Deployment, self.model, namespace=NAMESPACE)
        assert found.spec is not None
        assert found.status is not None
        wanted = 1 if found.spec.replicas is None else found.spec.replicas
        return wanted, found.status.readyReplicas or 0

    def ready_pods(self) -> list[Pod]:
        """Those that serve, and are not about to go."""
        pods = self.rehearsal.kubernetes.list(Pod, namespace=NAMESPACE, labels={NAME_LABEL: self.model})
        return [pod for pod in pods if not pod.metadata.deletionTimestamp and _is_ready(pod)]  # type: ignore[union-attr]

    def signal(self, pod: Pod, number: signal.Signals) -> None:
        """Send the server in a pod a signal."""
        uid = pod.metadata.uid  # type: ignore[union-attr]
        assert uid
        found = [pid for pid in psutil.pids() if uid in _cgroup(pid) and "slipway_kit" in _words(pid)]
        assert found, f"nothing serves in {pod.metadata.name}"  # type: ignore[union-attr]
        for pid in found:
            os.kill(pid, number)

    def kill(self, pod: Pod) -> None:
        """As if its machine had gone: the process at once, and then the pod, so that another is made."""
        self.signal(pod, signal.SIGKILL)
        name = pod.metadata.name  # type: ignore[union-attr]
        assert name
        self.rehearsal.kubernetes.delete(Pod, name, namespace=NAMESPACE, grace_period=0)

    def evict(self, pod: Pod) -> None:
        """As a drain does: whenever the budget allows it."""
        name = pod.metadata.name  # type: ignore[union-attr]
        assert name
        while True:
            try:
                eviction = Pod.Eviction(metadata=ObjectMeta(name=name, namespace=NAMESPACE))
                self.rehearsal.kubernetes.create(eviction, name, namespace=NAMESPACE)
                return
            except ApiError as error:
                if error.status.code != httpx.codes.TOO_MANY_REQUESTS:
                    raise
                sleep(0.5)

    def stats(self, counter: str) -> int:
        """A counter of the Envoys, over all Envoy clusters of the model's route."""
        pods = self.rehearsal.kubernetes.list(Pod, namespace=GATEWAY_NAMESPACE)
        total = 0
        for pod in pods:
            if not (pod.metadata.name or "").startswith(f"{GATEWAY_SERVICE}-"):  # type: ignore[union-attr]
                continue
            for line in self.told_by(pod, _METRICS_PORT, "/stats/prometheus").splitlines():
                if line.startswith(f"{counter}{{") and f"httproute/{NAMESPACE}/{self.model}/" in line:
                    total += int(float(line.rpartition(" ")[2]))
        return total

    def told_by(self, pod: Pod, port: int, path: str) -> str:
        """What a pod says to who asks it directly, in the instance's network."""
        machine = self.rehearsal.instance.supervisor.process("machine")
        assert machine is not None
        enter = ["nsenter", "--target", str(machine.pid), "--net"]
        address = f"http://{pod.status.podIP}:{port}{path}"  # type: ignore[union-attr]
        return subprocess.run([*enter, "curl", "-sf", address], capture_output=True, text=True, check=True).stdout


class Asked:
    """A load that runs, and the replicas beside it.

    Args:
        gate: Which model.
        running: The generator.
    """

    def __init__(self, gate: Gate, running: Future[Results]) -> None:
        self.gate = gate
        self.running = running
        self.begun = monotonic()
        self.replicas: list[tuple[float, int, int]] = []
        self.events: list[tuple[float, str]] = []

    def watch(self) -> None:
        """See how many replicas there are, until it is over."""
        while not self.running.done():
            with contextlib.suppress(ApiError, httpx.HTTPError):  # it is asked again
                self.replicas.append((self.seconds, *self.gate.replicas()))
            sleep(1)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return monotonic() - self.begun

    def event(self, what: str) -> None:
        """Something was done to the model."""
        self.events.append((self.seconds, what))

    def results(self) -> Results:
        """What became of every request, once it is over."""
        return self.running.result()

    def episode(self, name: str) -> Episode:
        """For the report."""
        return Episode(name, self.gate.model, self.gate.objective, self.results(), self.replicas, self.events)


def _is_ready(pod: Pod) -> bool:
    conditions = (pod.status.conditions if pod.status else None) or []
    return any(each.type == "Ready" and each.status == "True" for each in conditions)


def _cgroup(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
