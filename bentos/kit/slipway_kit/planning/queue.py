"""What waits: by priority, and within one by deadline (EDF, Liu and Layland 1973). Bounded by items and by bytes."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator

from slipway_kit.planning.entry import Entry, Priority, urgency


class Queue:
    """Entries in the order in which they are to be served."""

    def __init__(self) -> None:
        self._by_priority: tuple[list[Entry], ...] = tuple([] for _ in Priority)
        self._units = [0 for _ in Priority]
        self.items = 0
        self.bytes = 0

    def __iter__(self) -> Iterator[Entry]:
        for entries in self._by_priority:
            yield from entries

    def __len__(self) -> int:
        return self.items

    def add(self, entry: Entry) -> None:
        """Put an entry into its place; at the end, which is where nearly all belong, this costs nothing."""
        entries = self._by_priority[entry.priority]
        if not entries or entries[-1].due <= entry.due:
            entries.append(entry)
        else:
            bisect.insort(entries, entry, key=urgency)
        self._count(entry, 1)

    def remove(self, entry: Entry) -> None:
        """Take out one entry, wherever it is."""
        entries = self._by_priority[entry.priority]
        place = bisect.bisect_left(entries, urgency(entry), key=urgency)
        del entries[place]
        entry.waiting = False
        self._count(entry, -1)

    def remove_all(self, gone: Iterable[Entry]) -> None:
        """Take out many."""
        touched = set()
        for entry in gone:
            entry.waiting = False
            touched.add(entry.priority)
            self._count(entry, -1)
        for priority in touched:
            entries = self._by_priority[priority]
            entries[:] = [entry for entry in entries if entry.waiting]

    def units_before(self, priority: Priority, due: float) -> int:
        """Units that are served before an entry of this priority and deadline that would come now."""
        higher = sum(self._units[:priority])
        entries = self._by_priority[priority]
        if not entries or entries[-1].due <= due:
            return higher + self._units[priority]
        return higher + sum(entry.units for entry in entries[: bisect.bisect_right(entries, due, key=_due)])

    def lowest(self, above: Priority) -> Entry | None:
        """The entry that goes first when one of priority `above` needs its place: the last one of the lowest."""
        for priority in reversed(Priority):
            if priority <= above:
                return None
            if self._by_priority[priority]:
                return self._by_priority[priority][-1]
        return None

    def below(self, priority: Priority) -> tuple[int, int]:
        """Items and bytes of what has a lower priority."""
        lower = [entry for entries in self._by_priority[priority + 1 :] for entry in entries]
        return len(lower), sum(entry.bytes for entry in lower)

    def passed(self, now: float) -> list[Entry]:
        """Entries whose deadline has passed. They stay in the queue."""
        late: list[Entry] = []
        for entries in self._by_priority:
            for entry in entries:
                if entry.due > now:
                    break
                if entry.deadline <= now:
                    late.append(entry)
        return late

    def next_deadline(self) -> float | None:
        """The earliest deadline of all; none when nothing waits."""
        return min((entries[0].deadline for entries in self._by_priority if entries), default=None)

    def oldest_arrival(self) -> float | None:
        """When the entry that has waited longest came; none when nothing waits."""
        return min((entry.arrival for entry in self), default=None)

    def _count(self, entry: Entry, sign: int) -> None:
        self._units[entry.priority] += sign * entry.units
        self.items += sign
        self.bytes += sign * entry.bytes


def _due(entry: Entry) -> float:
    return entry.due
