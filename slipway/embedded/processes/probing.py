"""Asks the processes of pods what kubelet would ask: whether they have started, are ready, and still live."""

import ssl
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import httpx

from slipway.embedded.processes.pods import Health, Manifest, container_of

_DEFAULTS = {"periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 1}
"""Kubernetes' own."""
_CLIENT = httpx.Client(
    trust_env=False,
    verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # nothing is encrypted: no authorities are read for each question
    limits=httpx.Limits(max_keepalive_connections=0),
)


@dataclass
class _Probe:
    """One probe of a container, and how it has gone."""

    due: float = 0.0
    failures: int = 0
    asked: "Future[bool] | None" = None


@dataclass
class Probing:
    """The probes of one process: another process of the same pod is asked from the beginning.

    Attributes:
        pod: The pod.
        url: Where its container serves.
        process: Pid and start of the process, which tell it from a later one.
    """

    pod: Manifest
    url: str
    process: tuple[int, int]
    health: Health = field(default_factory=Health)
    is_lost: bool = False
    """Whether kubelet would end the container, and start it again."""
    _probes: dict[str, _Probe] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A container without a startup probe has started."""
        if not self.health.started:
            self.health = Health(started="startupProbe" not in container_of(self.pod))

    def round(self, pool: Executor, ask: Callable[[str, float], bool]) -> Health:
        """Take what was answered, ask what is due, and say what is known.

        Args:
            pool: What asks, meanwhile.
            ask: Whether an address answers well, in so many seconds.
        """
        kinds = ("livenessProbe", "readinessProbe") if self.health.started else ("startupProbe",)
        for kind in kinds:
            settings = container_of(self.pod).get(kind)
            if settings is None:
                self._took(kind, well=True, failures=0, threshold=1)
                continue
            self._probe(kind, {**_DEFAULTS, **settings}, pool, ask)
        return self.health

    def _probe(self, kind: str, settings: dict[str, Any], pool: Executor, ask: Callable[[str, float], bool]) -> None:
        probe = self._probes.setdefault(kind, _Probe())
        if probe.asked is not None and probe.asked.done():
            asked, probe.asked = probe.asked, None
            well = asked.result()
            probe.failures = 0 if well else probe.failures + 1
            self._took(kind, well=well, failures=probe.failures, threshold=settings["failureThreshold"])
        if probe.asked is None and time.monotonic() >= probe.due:
            probe.due = time.monotonic() + settings["periodSeconds"]
            path = settings.get("httpGet", {}).get("path", "/")
            probe.asked = pool.submit(ask, f"{self.url}{path}", float(settings["timeoutSeconds"]))

    def _took(self, kind: str, *, well: bool, failures: int, threshold: int) -> None:
        started, ready = self.health.started, self.health.ready
        if kind == "startupProbe":
            started = started or well
        elif kind == "readinessProbe":
            ready = well or (ready and failures < threshold)
        if kind != "readinessProbe" and failures >= threshold:
            self.is_lost = True
        self.health = Health(started, ready)


def answers(url: str, seconds: float) -> bool:
    """Whether an address answers as a probe of kubelet wants it: a status from 200 to 399."""
    try:
        return _CLIENT.get(url, timeout=seconds).status_code < httpx.codes.BAD_REQUEST
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False
