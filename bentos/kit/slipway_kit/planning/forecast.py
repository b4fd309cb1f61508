"""Looks ahead: how many of those that wait would be answered in time, if the next batch were of this or that size."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from slipway_kit.planning.entry import Entry, Priority
from slipway_kit.planning.profile import ServiceProfile

_HORIZON = 8
"""Batches of the usual size that are looked ahead; what is behind them decides nothing now, and would cost time."""


class Slots:
    """When each of the batches that may run at the same time is done."""

    def __init__(self, now: float, expected: Iterable[float], concurrency: int) -> None:
        # One that is overdue is taken to need as long again as it is overdue: the later, the likelier that it hangs.
        self._free = [max(done, 2 * now - done) for done in expected]
        self._free += [now] * (concurrency - len(self._free))
        heapq.heapify(self._free)

    @property
    def first(self) -> float:
        """When the next batch can start."""
        return self._free[0]

    def start(self, seconds: float) -> float:
        """Let a batch take the first free slot; when it is done."""
        done = self._free[0] + seconds
        heapq.heapreplace(self._free, done)
        return done

    def copy(self) -> Slots:
        """The same, to try something out."""
        other = Slots.__new__(Slots)
        other._free = list(self._free)  # noqa: SLF001  # of this class
        return other


def best_batch(
    order: Sequence[Entry], now: float, slots: Slots, profile: ServiceProfile, usual: int
) -> tuple[Sequence[Entry], bool]:
    """The entries to compute now; whether others were left behind for their sake.

    Ordinarily these are the first ones, up to the usual size. When the tightest of them would be late in a batch of
    that size, a smaller one would save it and cost the others time; which size loses least is found by looking ahead.

    Args:
        order: What waits, in the order in which it is to be served; not empty.
        now: The time, when a slot is free.
        slots: The batches that run.
        profile: How long batches take.
        usual: Units of the largest batch to plan.
    """
    first = _filled(order, usual)
    if min(entry.due for entry in first) >= now + profile.tail(sum(entry.units for entry in first)):
        return first, False
    near = _filled(order, _HORIZON * usual)
    best: Sequence[Entry] = ()
    best_score: tuple[int, ...] = (0,) * len(Priority)
    size = usual
    while size:
        chosen, score = _ahead(near, size, usual, slots.copy(), profile)
        if score > best_score:  # of equal ones the largest, which is tried first
            best, best_score = chosen, score
        size //= 2
    # Where all are late by the estimate, the slot is put to use all the same: the estimate is a tail.
    return (best, True) if best else (first, False)


def _ahead(
    order: Sequence[Entry], size: int, usual: int, slots: Slots, profile: ServiceProfile
) -> tuple[Sequence[Entry], tuple[int, ...]]:
    """The first batch if it has that size, and how many units of each priority are then answered in time."""
    served = [0] * len(Priority)
    opening: Sequence[Entry] | None = None
    left = list(order)
    limit = size
    while left and limit:
        done = slots.first + profile.tail(min(limit, sum(entry.units for entry in left)))
        chosen = _filled([entry for entry in left if entry.due >= done], limit)
        if opening is None:
            if not chosen:
                break
            opening = chosen
        if not chosen:
            limit //= 2
            continue
        for entry in chosen:
            served[entry.priority] += entry.units
        slots.start(profile.tail(sum(entry.units for entry in chosen)))
        taken = set(map(id, chosen))
        left = [entry for entry in left if id(entry) not in taken and entry.due >= slots.first]
        limit = usual
    return opening or (), tuple(served)


def _filled(order: Sequence[Entry], units: int) -> Sequence[Entry]:
    """The first entries, up to so many units; the first one whatever it has."""
    room = units
    for place, entry in enumerate(order):
        room -= entry.units
        if room < 0:
            return order[: max(place, 1)]
    return order
