"""Waiting until an object is what it was asked to be: the rules of the official plugin's awaiters.

A `Verdict` is computed from objects alone; the loop that fetches them is at the end.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slipway.plugins.kubernetes.cluster import KubernetesCluster, NotFoundError, Object
from slipway.plugins.kubernetes.kinds import Kind, Wait

POD = Kind(group="", version="v1", kind="Pod", plural="pods")
ENDPOINT_SLICE = Kind(group="discovery.k8s.io", version="v1", kind="EndpointSlice", plural="endpointslices")
DEFAULT_SECONDS = 600.0
_POLL_SECONDS = 0.25
SKIP = "pulumi.com/skipAwait"
TIMEOUT = "pulumi.com/timeoutSeconds"


class NotReadyError(Exception):
    """The object exists and did not become what it should be.

    Attributes:
        live: The object as last seen.
        reasons: Why, one sentence each.
    """

    def __init__(self, live: Object, reasons: list[str]) -> None:
        """Keep what was seen, so that it can be recorded."""
        super().__init__("; ".join(reasons))
        self.live = live
        self.reasons = reasons


@dataclass(frozen=True)
class Verdict:
    """Whether an object is ready, and what is missing."""

    ready: bool
    waiting_for: str = ""
    failed: str = ""


def judge_deployment(live: Object) -> Verdict:
    """A Deployment is ready when its newest ReplicaSet runs every replica and the controller says so."""
    spec, status = live.get("spec", {}), live.get("status", {})
    if status.get("observedGeneration", 0) < live["metadata"].get("generation", 1):
        return Verdict(ready=False, waiting_for="the controller to see the change")
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    progressing = conditions.get("Progressing", {})
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Verdict(ready=False, failed=progressing.get("message", "the rollout made no progress"))
    wanted = spec.get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted:
        return Verdict(ready=False, waiting_for=f"new replicas to be made ({updated} of {wanted})")
    if status.get("replicas", 0) > updated:
        return Verdict(ready=False, waiting_for=f"old replicas to end ({status['replicas'] - updated} left)")
    if available < wanted:
        return Verdict(ready=False, waiting_for=f"replicas to be available ({available} of {wanted})")
    return Verdict(ready=True)


def wants_endpoints(service: Object) -> bool:
    """Whether a Service is expected to have endpoints at all."""
    spec = service.get("spec", {})
    return bool(spec.get("selector")) and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None"


def judge_service(slices: list[Object]) -> Verdict:
    """A Service is ready when one of its endpoints is."""
    for each in slices:
        for endpoint in each.get("endpoints") or []:
            if endpoint.get("conditions", {}).get("ready"):
                return Verdict(ready=True)
    return Verdict(ready=False, waiting_for="a ready pod behind it")


def pod_faults(pods: list[Object]) -> list[str]:
    """What keeps pods from running, in the kubelet's and the scheduler's words."""
    faults: list[str] = []
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status", {})
        faults += [
            f"pod {name} is not scheduled: {condition.get('message', '')}"
            for condition in status.get("conditions", [])
            if condition["type"] == "PodScheduled" and condition["status"] != "True"
        ]
        for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") not in {None, "ContainerCreating", "PodInitializing"}:
                faults.append(f"pod {name}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": "))
            ended = container.get("lastState", {}).get("terminated") or container.get("state", {}).get("terminated")
            if ended and ended.get("exitCode"):
                faults.append(f"pod {name}: container {container['name']} ended with status {ended['exitCode']}")
    return sorted(set(faults))


def seconds_allowed(inputs: Object, asked: float) -> float:
    """How long to wait: Pulumi's `customTimeouts`, else the annotation, else ten minutes."""
    annotations: dict[str, Any] = inputs.get("metadata", {}).get("annotations") or {}
    return float(asked or annotations.get(TIMEOUT) or DEFAULT_SECONDS)


def wait_until_ready(
    cluster: KubernetesCluster,
    kind: Kind,
    live: Object,
    *,
    seconds: float,
    cancelled: threading.Event,
    tell: Callable[[str], None],
) -> Object:
    """Wait for what the kind must reach, and return the object as it is then.

    Args:
        cluster: Where it is.
        kind: Its kind.
        live: The object as it was made.
        seconds: How long to wait at most.
        cancelled: Set when the engine gives up.
        tell: Called with what is waited for, whenever that changes.

    Raises:
        NotReadyError: It failed, or time is up, or the engine gave up.
    """
    metadata = live["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace")
    skip = (metadata.get("annotations") or {}).get(SKIP) == "true"
    if kind.wait is Wait.NOTHING or skip or (kind.wait is Wait.SERVICE and not wants_endpoints(live)):
        return live
    deadline = time.monotonic() + seconds
    told = ""
    while True:
        try:
            live = cluster.get(kind, name, namespace)
        except NotFoundError as error:
            raise NotReadyError(live, ["it was deleted while it was waited for"]) from error
        if kind.wait is Wait.DEPLOYMENT:
            verdict = judge_deployment(live)
        else:
            slices = cluster.list(ENDPOINT_SLICE, namespace or "default", {"kubernetes.io/service-name": name})
            verdict = judge_service(list(slices))
        if verdict.ready:
            return live
        if verdict.failed:
            raise NotReadyError(live, [verdict.failed, *_pod_faults(cluster, kind, live)])
        if verdict.waiting_for != told:
            told = verdict.waiting_for
            tell(f"waiting for {told}")
        if time.monotonic() > deadline:
            reasons = [f"after {seconds:.0f} s still waiting for {told}", *_pod_faults(cluster, kind, live)]
            raise NotReadyError(live, reasons)
        if cancelled.wait(_POLL_SECONDS):
            raise NotReadyError(live, [f"cancelled while waiting for {told}"])


def wait_until_gone(
    cluster: KubernetesCluster,
    kind: Kind,
    name: str,
    namespace: str | None,
    *,
    seconds: float,
    cancelled: threading.Event,
) -> None:
    """Wait until an object that was told to go is gone.

    Raises:
        NotReadyError: Time is up, or the engine gave up.
    """
    deadline = time.monotonic() + seconds
    first: Object | None = None
    while True:
        try:
            live = cluster.get(kind, name, namespace)
        except NotFoundError:
            return
        first = first or live
        if live["metadata"]["uid"] != first["metadata"]["uid"]:
            return  # somebody made another one of the same name; ours is gone
        if time.monotonic() > deadline:
            held = ", ".join(live["metadata"].get("finalizers") or live.get("spec", {}).get("finalizers") or [])
            raise NotReadyError(live, [f"still there after {seconds:.0f} s" + (f", held by {held}" if held else "")])
        if cancelled.wait(_POLL_SECONDS):
            raise NotReadyError(live, ["cancelled while waiting for it to go"])


def _pod_faults(cluster: KubernetesCluster, kind: Kind, live: Object) -> list[str]:
    spec = live.get("spec", {})
    labels = spec.get("selector", {}).get("matchLabels") if kind.wait is Wait.DEPLOYMENT else spec.get("selector")
    if not labels:
        return []
    return pod_faults(list(cluster.list(POD, live["metadata"].get("namespace", "default"), labels)))
