"""An item that waits, and why one is refused."""

from __future__ import annotations

import enum
from typing import Any


class Priority(enum.IntEnum):
    """Which items go first, and which are refused first when there are too many."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


class Reason(enum.StrEnum):
    """Why an item was refused, as machines read it: in the answer, and as a label of `slipway_refusals_total`."""

    QUEUE_FULL = "queue_full"
    BYTES_FULL = "bytes_full"
    DEADLINE_UNREACHABLE = "deadline_unreachable"
    """At arrival, or later when what came before took longer than planned."""
    DEADLINE_PASSED = "deadline_passed"
    """While it waited."""
    DISPLACED = "displaced"
    """By an item of higher priority, when the queue was full."""
    OVERLOADED = "overloaded"
    """More requests come than can even be read."""
    ITEM_TOO_LARGE = "item_too_large"
    """It has more units than a batch may have; it will never be served."""
    STARTING = "starting"
    DRAINING = "draining"


class RefusedError(Exception):
    """An item that is not computed."""

    def __init__(self, reason: Reason, retry_after: float = 0.0) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.retry_after = retry_after
        """Seconds after which the same item is expected to be admitted."""


class Entry:
    """An item in the queue. Times are seconds on the planner's clock."""

    __slots__ = ("arrival", "bytes", "deadline", "due", "payload", "priority", "sequence", "units", "waiting")

    def __init__(
        self,
        *,
        arrival: float,
        deadline: float,
        due: float,
        priority: Priority,
        units: int,
        bytes: int,  # noqa: A002
        sequence: int,
        payload: Any,
    ) -> None:
        self.arrival = arrival
        self.deadline = deadline
        """When the answer is worth nothing any more."""
        self.due = due
        """When the model should be done: the deadline, less the margin."""
        self.priority = priority
        self.units = units
        self.bytes = bytes
        self.sequence = sequence
        self.payload = payload
        self.waiting = True


def urgency(entry: Entry) -> tuple[float, int]:
    """Earliest deadline first; of equal ones, the one that came first."""
    return entry.due, entry.sequence
