"""What the generator is told, as files: `generator/generate/plan.go` reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slipway.load.schedules import Schedule

_REQUEST = np.dtype([("due", "<i8"), ("payload", "<u4"), ("headers", "<u4")])


@dataclass(frozen=True)
class Payload:
    """A request's body, and what its answer must contain.

    Attributes:
        body: JSON.
        expected: Text that a right answer's body contains once its white space is removed, as in `"digit":7`.
    """

    body: str
    expected: str


PRIORITIES: tuple[tuple[str, str], ...] = tuple(("x-slipway-priority", level) for level in ("high", "normal", "low"))
"""Headers for kinds 0, 1 and 2 of a `mixed` schedule."""
NO_HEADERS: tuple[tuple[str, str], ...] = (("", ""),)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to send where; the schedule says when.

    Attributes:
        port: On the loopback: nothing else is ever asked.
        payloads: Sent in turn.
        path: Of every request, all of which are POSTs.
        headers: One header of its own for each kind of request in the schedule.
        timeout: Seconds after a request was due, from which on nobody waits for its answer, give or take 0.1 s.
        connections: Most that are open at once. Requests beyond wait for one, and the time they wait counts. The
            default is as much as a reverse proxy keeps to one replica (Envoy's circuit breaker: 1024).
        open: Connections that are made before the first request is due, as clients keep theirs.
    """

    port: int
    payloads: Sequence[Payload]
    path: str = "/predict"
    headers: Sequence[tuple[str, str]] = NO_HEADERS
    timeout: float = 2.0
    connections: int = 1024
    open: int = 64

    def write(self, schedule: Schedule, folder: Path) -> None:
        """Write `plan.json` and `schedule.bin`."""
        kinds = int(schedule.kinds.max(initial=0))
        if kinds >= len(self.headers):
            raise ValueError(f"the schedule has requests of kind {kinds}, and the plan headers for {len(self.headers)}")
        told = {
            "address": f"127.0.0.1:{self.port}",
            "path": self.path,
            "timeout": self.timeout,
            "connections": self.connections,
            "open": self.open,
            "payloads": [{"body": each.body, "expected": each.expected} for each in self.payloads],
            "headers": [list(each) for each in self.headers],
        }
        (folder / "plan.json").write_text(json.dumps(told))
        requests = np.empty(len(schedule.due), dtype=_REQUEST)
        requests["due"] = schedule.due
        requests["payload"] = np.arange(len(schedule.due)) % len(self.payloads)
        requests["headers"] = schedule.kinds
        requests.tofile(folder / "schedule.bin")
