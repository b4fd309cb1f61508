"""What became of each request, as the generator wrote it down (`generator/generate/results.go`)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slipway.errors import LoadError
from slipway.load.schedules import Schedule

_RESULT = np.dtype(
    [
        ("sent", "<i8"),
        ("done", "<i8"),
        ("bytes", "<u4"),
        ("status", "<u2"),
        ("outcome", "u1"),
        ("waited", "u1"),
    ]
)


class Outcome(enum.IntEnum):
    """Of a request."""

    UNSENT = 0
    """The generator was interrupted."""
    CORRECT = 1
    WRONG = 2
    """Answered with 200, and not with what was expected."""
    REFUSED = 3
    """Answered with another status."""
    TIMED_OUT = 4
    BROKEN = 5
    """The connection ended, or could not be made."""


@dataclass(frozen=True, eq=False)
class Results:
    """Of a schedule, request by request.

    Attributes:
        schedule: What was asked for.
        sent: When each was sent, in nanoseconds after the start; 0 for what never was.
        done: When it was answered or given up.
        status: HTTP status; 0 without an answer.
        outcomes: `Outcome`s.
        waited: Whether it had to wait for a connection.
        busy: Share of a core that the generator took.
    """

    schedule: Schedule
    sent: NDArray[np.int64]
    done: NDArray[np.int64]
    status: NDArray[np.uint16]
    outcomes: NDArray[np.uint8]
    waited: NDArray[np.bool_]
    busy: float = 0.0

    @classmethod
    def read(cls, folder: Path, schedule: Schedule, *, busy: float = 0.0) -> Results:
        """Read `results.bin`.

        Raises:
            LoadError: It is not of that schedule.
        """
        read: NDArray[Any] = np.fromfile(folder / "results.bin", dtype=_RESULT)
        if len(read) != len(schedule.due):
            msg = f"{folder}/results.bin has {len(read)} requests, and the schedule {len(schedule.due)}"
            raise LoadError(msg, remedy="run it again: the generator was ended while it wrote")
        return cls(
            schedule=schedule,
            sent=read["sent"],
            done=read["done"],
            status=read["status"],
            outcomes=read["outcome"],
            waited=read["waited"] != 0,
            busy=busy,
        )

    @property
    def is_partial(self) -> bool:
        """Whether the generator was interrupted before everything was sent and finished."""
        return bool((self.outcomes == Outcome.UNSENT).any())

    @property
    def latency(self) -> NDArray[np.float64]:
        """Seconds from when each request was due (not from when it was sent) to when it was finished."""
        return (self.done - self.schedule.due) / 1e9

    @property
    def lateness(self) -> NDArray[np.float64]:
        """Seconds by which the generator itself was late, of those requests that had not to wait for a connection."""
        own = (self.sent > 0) & ~self.waited
        return np.asarray((self.sent - self.schedule.due)[own] / 1e9)

    def good(self, objective: float) -> NDArray[np.bool_]:
        """Which requests were answered correctly within so many seconds of when they were due."""
        mask: NDArray[np.bool_] = (self.outcomes == Outcome.CORRECT) & (self.latency <= objective)
        return mask
