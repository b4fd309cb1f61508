"""Planners on a clock that is moved by hand, and models small enough to be read at a glance."""

from collections.abc import Callable

import msgspec
from slipway_kit.planning.entry import Entry, Priority, RefusedError
from slipway_kit.planning.planner import Batch, Limits, Planner
from slipway_kit.planning.profile import ServiceProfile, grid


def affine(base: float, each: float) -> Callable[[int], float]:
    """Seconds of a batch: so much for being one, and so much for each unit."""
    return lambda units: base + each * units


def profile(seconds: Callable[[int], float], most: int = 64) -> ServiceProfile:
    return ServiceProfile({units: [seconds(units)] for units in grid(most)}, most=most, quantile=0.95)


class Desk:
    """A planner, its clock in milliseconds, and what became of what was offered."""

    def __init__(
        self,
        seconds: Callable[[int], float],
        *,
        objective: float = 100,
        max_batch: int = 64,
        items: int = 1000,
        bytes: int = 1 << 20,  # noqa: A002
        concurrency: int = 1,
    ) -> None:
        self.seconds = seconds
        self.ms = 0.0
        self.planner = Planner(
            Limits(
                objective=objective / 1000,
                margin=0.0,
                max_batch=max_batch,
                queue_items=items,
                queue_bytes=bytes,
                concurrency=concurrency,
            ),
            profile(seconds, max_batch),
        )
        self.displaced: list[str] = []

    @property
    def now(self) -> float:
        return self.ms / 1000

    def offer(
        self,
        name: str,
        priority: Priority = Priority.NORMAL,
        *,
        budget: float = 1e9,
        units: int = 1,
        bytes: int = 0,  # noqa: A002
    ) -> Entry:
        admission = self.planner.admit(
            name, now=self.now, deadline=self.now + budget / 1000, priority=priority, units=units, bytes=bytes
        )
        self.displaced += [entry.payload for entry in admission.displaced]
        return admission.entry

    def refusal(self, name: str, priority: Priority = Priority.NORMAL, *, budget: float = 1e9, **more: int) -> str:
        """Why it is refused; nothing, if it is not."""
        try:
            self.offer(name, priority, budget=budget, **more)
        except RefusedError as refused:
            return refused.reason.value
        return ""

    def start(self) -> list[str]:
        """What the next batch has."""
        return names(self.begin())

    def begin_with(self, name: str) -> Batch | None:
        self.offer(name)
        return self.begin()

    def begin(self) -> Batch | None:
        batch, self.lost = self.planner.next(self.now)
        return batch

    def end(self, batch: Batch | None) -> None:
        """Let the time pass that the batch takes, and end it."""
        assert batch is not None
        self.ms = (batch.started + self.seconds(batch.units)) * 1000
        self.planner.finished(batch, self.now)


def names(batch: Batch | None) -> list[str]:
    return [entry.payload for entry in batch.entries] if batch else []


class Number(msgspec.Struct):
    value: float


class Doubled(msgspec.Struct):
    value: float


class Doubling:
    """Doubles numbers."""

    example = Number(1.0)
    version = "7"

    def predict_batch(self, items: list[Number]) -> list[Doubled]:
        return [Doubled(item.value * 2) for item in items]
