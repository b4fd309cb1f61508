"""Decides what is admitted, what is computed next, and what is refused; docs/serving/batching.md gives the reasons.

It knows no event loop: every call is given the time, in seconds on a clock that only moves forward.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from slipway_kit.planning.entry import Entry, Priority, Reason, RefusedError
from slipway_kit.planning.forecast import Slots, best_batch
from slipway_kit.planning.profile import ServiceProfile, grid
from slipway_kit.planning.queue import Queue

_LONGER_THAN_ONE = 1.1
"""A batch may take this much longer than a lone item does, even where that is over half the objective."""


_AS_EFFICIENT = 0.97
"""Of the best rate, from which on a batch is as good as any: nearer ones cannot be told apart by what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds the queue and the batches; times in seconds."""

    objective: float
    margin: float
    """Seconds of the objective that are not planned with."""
    max_batch: int
    queue_items: int
    queue_bytes: int
    concurrency: int


class Batch:
    """Entries that are computed together."""

    __slots__ = ("entries", "expected", "started", "units")

    def __init__(self, entries: Sequence[Entry], *, started: float, expected: float) -> None:
        self.entries = entries
        self.units = sum(entry.units for entry in entries)
        self.started = started
        self.expected = expected
        """When it is done, if it is not of the slow tail."""


_NEVER = (math.inf, -math.inf)


class Admission(NamedTuple):
    """An entry that was admitted, and those that had to go for it."""

    entry: Entry
    displaced: Sequence[Entry] = ()


class Planner:
    """The queue, the batches in flight, and what is known of how long batches take."""

    def __init__(self, limits: Limits, profile: ServiceProfile) -> None:
        self.limits = limits
        self.profile = profile
        self.queue = Queue()
        self.in_flight: list[Batch] = []
        self.bytes_elsewhere = 0
        """Bytes of bodies that are being received: they have a claim on the queue's room."""
        self.is_draining = False
        self._sequence = 0
        self._usual = 1
        self._usual_of = -1
        self._refused: list[tuple[float, float]] = [_NEVER] * len(Priority)
        """For each priority, the last single unit that was refused since anything ended: when it was due, and when it
        would have been done."""

    def admit(
        self,
        payload: Any,
        *,
        now: float,
        arrival: float | None = None,
        deadline: float = math.inf,
        priority: Priority = Priority.NORMAL,
        units: int = 1,
        bytes: int = 0,  # noqa: A002
    ) -> Admission:
        """Let an item wait for its batch, if it can be answered in time.

        Args:
            payload: What the caller wants back with the entry.
            now: The time.
            arrival: When its request came; now, if nothing is said.
            deadline: The client's own. A later one than the objective's is not granted.
            priority: Of its request.
            units: What it costs.
            bytes: Of its part of the body.

        Raises:
            RefusedError: It is refused, with the reason.
        """
        if self.is_draining:
            raise RefusedError(Reason.DRAINING)
        if units > self.limits.max_batch:
            raise RefusedError(Reason.ITEM_TOO_LARGE)
        self.profile.refresh(now)
        arrival = now if arrival is None else arrival
        usual = arrival + self.limits.objective
        is_own = deadline < usual
        if not is_own:
            deadline = usual
        due = deadline - self.limits.margin
        self._hold_to_deadline(now, due, deadline, priority, units, is_own=is_own)
        displaced = self._make_room(now, priority, bytes)
        self._sequence += 1
        entry = Entry(
            arrival=arrival,
            deadline=deadline,
            due=due,
            priority=priority,
            units=units,
            bytes=bytes,
            sequence=self._sequence,
            payload=payload,
        )
        self.queue.add(entry)
        return Admission(entry, displaced)

    def hopeless(self, priority: Priority, deadline: float) -> float | None:
        """Seconds after which to come again, if an item of this deadline would surely be refused whatever it holds.

        Under overload most requests are refused for the same cause as the one before. What has been due later than that
        one, and before that one would have been done, has no better prospects: nothing has ended meanwhile.
        """
        due = deadline - self.limits.margin
        was_due, done = self._refused[priority]
        return done - due if was_due <= due < done else None

    def withdraw(self, entry: Entry) -> bool:
        """Forget an entry whose client has gone. False if it is too late, since it is being computed."""
        if not entry.waiting:
            return False
        self._something_ended()
        self.queue.remove(entry)
        return True

    def expire(self, now: float) -> list[Entry]:
        """Take out what has waited beyond its deadline."""
        passed = self.queue.passed(now)
        if passed:
            self._something_ended()
        self.queue.remove_all(passed)
        return passed

    def next(self, now: float) -> tuple[Batch | None, list[Entry]]:
        """The batch to start now, and the entries that it leaves behind and that can be served no more.

        None is started while all slots are taken, or when nothing waits.
        """
        if not self.can_start:
            return None, []
        self.profile.refresh(now)
        chosen, was_traded = best_batch(list(self.queue), now, self._slots(now), self.profile, self.usual_batch)
        batch = Batch(chosen, started=now, expected=now + self.profile.tail(sum(entry.units for entry in chosen)))
        self.queue.remove_all(chosen)
        self.in_flight.append(batch)
        return batch, self._hopeless(now) if was_traded else []

    def finished(self, batch: Batch, now: float, *, is_typical: bool = True) -> None:
        """Take note that a batch is done; its time teaches nothing if the model failed."""
        self.in_flight.remove(batch)
        self._something_ended()
        if is_typical:
            self.profile.observe(batch.units, now - batch.started, now)

    def wait(self, now: float, priority: Priority = Priority.NORMAL) -> float:
        """Seconds until an item that comes now would be done."""
        return self._done(now, self.queue.units_before(priority, math.inf), 1) - now

    @property
    def can_start(self) -> bool:
        """Whether something waits, and a slot is free for it."""
        return bool(self.queue) and self._has_slot

    @property
    def usual_batch(self) -> int:
        """Units of the largest batch that is planned.

        An item that comes just after a batch has started waits for all of that batch, and then for its own. Both fit
        the objective only if each takes half of it at most (Nexus, SOSP 2019, has the same rule). Of those that do, it
        is the smallest that is about as efficient as any. Where a batch of two takes twice as long as one, as large
        models on a core do, company only makes everybody wait.
        """
        if self._usual_of != self.profile.version:
            half = (self.limits.objective - self.limits.margin) / 2
            longest = max(half, self.profile.tail(1) * _LONGER_THAN_ONE)
            largest = max(1, min(self.limits.max_batch, self.profile.largest(longest)))
            rates = {units: units / self.profile.typical(units) for units in grid(largest)}
            enough = _AS_EFFICIENT * max(rates.values())
            self._usual = min(units for units, rate in rates.items() if rate >= enough)
            self._usual_of = self.profile.version
        return self._usual

    @property
    def capacity(self) -> float:
        """Units per second that the model computes in batches of the usual size."""
        usual = self.usual_batch
        return self.limits.concurrency * usual / self.profile.typical(usual)

    @property
    def _has_slot(self) -> bool:
        return len(self.in_flight) < self.limits.concurrency

    def _hold_to_deadline(
        self, now: float, due: float, deadline: float, priority: Priority, units: int, *, is_own: bool
    ) -> None:
        if not self.queue and self._has_slot:
            # What nothing else waits for is tried: that is how an estimate that has become too high is corrected. Not
            # so for a deadline of the client's own, which may be shorter than the model ever was.
            if is_own and now + self.profile.typical(units) > deadline:
                raise RefusedError(Reason.DEADLINE_UNREACHABLE, self.profile.typical(units))
            return
        before = self.queue.units_before(priority, due)
        usual = self.usual_batch
        # Nothing runs that would have to be waited for, as nearly always. At most, every batch is of the slow tail, and
        # the last but one has no room for it.
        if self._has_slot and units <= usual and now + (before // usual + 2) * self.profile.tail(usual) <= due:
            return
        done = self._done(now, before, units)
        if done > due:
            if units == 1:
                self._refused[priority] = due, done
            raise RefusedError(Reason.DEADLINE_UNREACHABLE, done - due)

    def _make_room(self, now: float, priority: Priority, size: int) -> Sequence[Entry]:
        items = self.queue.items + 1 - self.limits.queue_items
        excess = self.queue.bytes + self.bytes_elsewhere + size - self.limits.queue_bytes
        if items <= 0 and excess <= 0:
            return ()
        lower_items, lower_bytes = self.queue.below(priority)
        if items > lower_items:
            raise RefusedError(Reason.QUEUE_FULL, self.wait(now, priority))
        if excess > lower_bytes:
            raise RefusedError(Reason.BYTES_FULL, self.wait(now, priority))
        displaced = []
        while items > 0 or excess > 0:
            entry = self.queue.lowest(priority)
            if entry is None:
                break
            self.queue.remove(entry)
            self._something_ended()
            displaced.append(entry)
            items -= 1
            excess -= entry.bytes
        return displaced

    def _done(self, now: float, before: int, units: int) -> float:
        """When an item is done that has so many units before it, if batches are of the usual size.

        Of many batches hardly all are slow: what a tail adds to the middle adds up like the spread of independent
        times, with the square root of their number. Were tails summed, an item far behind would be refused too early.
        """
        usual = self.usual_batch
        full, rest = divmod(before, usual)
        if rest and rest + units > usual:
            full, rest = full + 1, 0
        slots = self._slots(now)
        for _ in range(full):
            slots.start(self.profile.typical(usual))
        # Behind a full batch there is load: by the time its own batch starts, that is full as well. Were it taken to be
        # small, an item would be admitted that is given up later, for the sake of those that came after it.
        own = rest + units if not full else max(usual, units)
        typical = self.profile.typical(own)
        return slots.first + typical + math.sqrt(full + 1) * (self.profile.tail(own) - typical)

    def _something_ended(self) -> None:
        self._refused = [_NEVER] * len(Priority)

    def _slots(self, now: float) -> Slots:
        return Slots(now, [batch.expected for batch in self.in_flight], self.limits.concurrency)

    def _hopeless(self, now: float) -> list[Entry]:
        """What is over before the next batch that could have it would be done. It is told so at once."""
        first = self._slots(now).first
        lost = [entry for entry in self.queue if first + self.profile.typical(entry.units) > entry.deadline]
        if lost:
            self._something_ended()
        self.queue.remove_all(lost)
        return lost
