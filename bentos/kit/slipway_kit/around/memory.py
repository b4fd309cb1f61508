"""Answers in this process's memory: the least recently used go first when there are too many bytes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from slipway_kit.around.metrics import AroundMetrics

_OVERHEAD = 300
"""Bytes that an entry takes besides its answer: key, objects and a place in the table, as tracemalloc counts them."""


class Stored(NamedTuple):
    """An answer of the model, as it is kept."""

    encoded: bytes
    """As JSON."""
    is_reviewed: bool = False
    """Whether its item was given to people for review."""


class _Entry:
    __slots__ = ("expires", "size", "stored")

    def __init__(self, stored: Stored, expires: float) -> None:
        self.stored = stored
        self.expires = expires
        self.size = len(stored.encoded) + _OVERHEAD


class MemoryCache:
    """What has expired is kept until its place is needed: an old answer may be better than none.

    Args:
        most: Bytes, with what Python needs around them.
        seconds: For which an answer is fresh.
        metrics: Told how much is kept.
        clock: Seconds.
    """

    def __init__(
        self, most: int, seconds: float, metrics: AroundMetrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._metrics = metrics
        self._clock = clock
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._bytes = 0

    def fresh(self, key: bytes) -> Stored | None:
        """The answer, unless it has expired."""
        entry = self._entries.get(key)
        if entry is None or self._clock() >= entry.expires:
            return None
        self._entries.move_to_end(key)
        return entry.stored

    def any(self, key: bytes) -> Stored | None:
        """The answer, however old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry.stored

    def put(self, key: bytes, stored: Stored) -> None:
        """Keep an answer, unless it alone is more than there may be."""
        entry = _Entry(stored, self._clock() + self._seconds)
        if entry.size > self._most:
            return
        self._drop(key)
        self._entries[key] = entry
        self._bytes += entry.size
        while self._bytes > self._most:
            self._drop(next(iter(self._entries)))
        self._metrics.cache_bytes, self._metrics.cache_entries = self._bytes, len(self._entries)

    def note_reviewed(self, key: bytes) -> None:
        """Its item was given to people after all; how old it is stays."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.stored = entry.stored._replace(is_reviewed=True)

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size
