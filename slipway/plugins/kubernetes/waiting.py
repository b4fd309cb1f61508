"""Waiting until an object is ready, or gone: asks the server again and again, and bears with one that is away."""

import threading
import time
from collections.abc import Callable

from slipway.plugins.kubernetes import judging
from slipway.plugins.kubernetes.annotations import TIMEOUT_SECONDS, annotations_of
from slipway.plugins.kubernetes.cluster import ClusterError, KubernetesCluster, NotFoundError, Object
from slipway.plugins.kubernetes.kind import Kind
from slipway.plugins.kubernetes.readiness import Verdict

DEFAULT_SECONDS = 600.0
_POLL_SECONDS = 0.25


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


def seconds_allowed(inputs: Object, asked: float) -> float:
    """How long to wait: Pulumi's `customTimeouts`, else the annotation (where it is a number), else ten minutes."""
    if asked:
        return float(asked)
    try:
        return float(int(str(annotations_of(inputs).get(TIMEOUT_SECONDS, ""))))
    except ValueError:
        return DEFAULT_SECONDS


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

    A server that does not answer, or answers with an error, is asked again: the object is made, and only what was
    made can be recorded.

    Args:
        cluster: Where it is.
        kind: Its kind.
        live: The object as it was made.
        seconds: How long to wait at most.
        cancelled: Set when the engine gives up.
        tell: Called with what is waited for, whenever that changes.

    Raises:
        NotReadyError: It failed, it was deleted, time is up, or the engine gave up.
    """
    if not judging.is_judged(kind, live):
        return live
    name, namespace = live["metadata"]["name"], live["metadata"].get("namespace")
    deadline = time.monotonic() + seconds
    told = ""
    while True:
        try:
            live = cluster.get(kind, name, namespace)
            verdict = judging.judge(cluster, kind, live)
        except NotFoundError as error:
            raise NotReadyError(live, ["it was deleted while it was waited for"]) from error
        except ClusterError as error:
            verdict = Verdict("the API server to answer", (str(error),))
        if verdict.ready:
            return live
        if verdict.waiting_for != told:
            told = verdict.waiting_for
            tell(f"waiting for {told}")
        if verdict.failed or time.monotonic() > deadline:
            since = "it failed: waiting for" if verdict.failed else f"after {seconds:.0f} s still waiting for"
            reasons = [f"{since} {told}", *verdict.told]
            raise NotReadyError(live, [*reasons, *judging.pod_faults(cluster, kind, live)])
        if cancelled.wait(_POLL_SECONDS):
            reasons = [f"cancelled while waiting for {told}", *verdict.told]
            raise NotReadyError(live, [*reasons, *judging.pod_faults(cluster, kind, live)])


def check_ready(cluster: KubernetesCluster, kind: Kind, live: Object) -> None:
    """See whether an object is ready now.

    Raises:
        NotReadyError: It is not.
        ClusterError: The server does not say.
    """
    if judging.is_judged(kind, live):
        verdict = judging.judge(cluster, kind, live)
        if not verdict.ready:
            reasons = [f"it is not ready: waiting for {verdict.waiting_for}", *verdict.told]
            raise NotReadyError(live, [*reasons, *judging.pod_faults(cluster, kind, live)])


def wait_until_gone(
    cluster: KubernetesCluster,
    kind: Kind,
    name: str,
    namespace: str | None,
    *,
    seconds: float,
    cancelled: threading.Event,
) -> None:
    """Wait until an object that was told to go is gone. A server that does not answer is asked again.

    Raises:
        NotReadyError: Time is up, or the engine gave up.
    """
    deadline = time.monotonic() + seconds
    first: Object | None = None
    live: Object = {}
    while True:
        held = ""
        try:
            live = cluster.get(kind, name, namespace)
            finalizers = [*(live["metadata"].get("finalizers") or []), *(live.get("spec", {}).get("finalizers") or [])]
            held = ", ".join(f"held by {each}" for each in finalizers)
        except NotFoundError:
            return
        except ClusterError as error:
            held = str(error)
        first = first or live
        if first and live["metadata"]["uid"] != first["metadata"]["uid"]:
            return  # somebody made another one of the same name; ours is gone
        if time.monotonic() > deadline:
            raise NotReadyError(live, [f"still there after {seconds:.0f} s" + (f", {held}" if held else "")])
        if cancelled.wait(_POLL_SECONDS):
            raise NotReadyError(live, ["cancelled while waiting for it to go" + (f", {held}" if held else "")])
