"""Exact answers, kept under the item they answer: in memory first, and in Redis for all replicas of one version."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from slipway_kit.around.flights import Flights
from slipway_kit.around.memory import MemoryCache, Stored
from slipway_kit.around.metrics import AroundMetrics, Lookup
from slipway_kit.around.settings import AroundSettings
from slipway_kit.model import Contract

if TYPE_CHECKING:
    from slipway_kit.around.shared import SharedCache


class ResultCache:
    """What is kept of one model's answers: only those of the model itself, and no errors.

    Args:
        contract: What the model promises.
        version: Of the model; another version has other keys.
        settings: As from the environment.
        metrics: Told what was found.
        shared: Redis, if there is one.
        clock: Seconds, for how old answers are.
    """

    def __init__(
        self,
        contract: Contract,
        version: str,
        settings: AroundSettings,
        *,
        metrics: AroundMetrics,
        shared: SharedCache | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._memory = MemoryCache(settings.cache_bytes, settings.cache_seconds, metrics, clock)
        self._shared = shared
        self._metrics = metrics
        self._salt = msgspec.json.encode([contract.name, version])
        self._canonical = msgspec.json.Encoder(order="deterministic").encode
        self._flights: Flights[Any] = Flights()
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(contract.output).decode
        """Of an answer that was kept."""

    def key(self, item: msgspec.Struct) -> bytes:
        """What equal items have in common, whatever the order and the spaces of their JSON."""
        digest = hashlib.blake2b(self._salt, digest_size=32)
        digest.update(self._canonical(item))
        return digest.digest()

    def fresh(self, key: bytes) -> Stored | None:
        """What is in memory, and not too old."""
        stored = self._memory.fresh(key)
        if stored is not None:
            self._metrics.lookups[Lookup.MEMORY] += 1
        return stored

    def any(self, key: bytes) -> Stored | None:
        """What is in memory, however old."""
        return self._memory.any(key)

    async def once(self, key: bytes, compute: Callable[[], Awaitable[Any]], *, priority: int, deadline: float) -> Any:
        """What `compute` gives to one of those that ask for the same at the same time.

        Those of one priority wait for each other: an urgent item does not wait for one that is let pass by all.

        Raises:
            RefusedError: The deadline passed while another one computed.
            Exception: What `compute` raised.
        """
        if self._flights.is_flying((key, priority)):
            self._metrics.lookups[Lookup.JOINED] += 1
        return await self._flights.result((key, priority), compute, deadline)

    async def shared(self, key: bytes, deadline: float) -> tuple[Stored, Any] | None:
        """What other replicas have kept, and the same decoded; it is in memory from now on."""
        if self._shared is not None:
            found = await self._shared.get(key, deadline, self.decode)
            if found is not None:
                self._metrics.lookups[Lookup.SHARED] += 1
                self._memory.put(key, found[0])
                return found
        self._metrics.lookups[Lookup.MISS] += 1
        return None

    def keep(self, key: bytes, stored: Stored) -> None:
        """Keep an answer of the model; nobody waits for Redis to have it."""
        self._memory.put(key, stored)
        if self._shared is not None:
            self._shared.put(key, stored)

    def note_reviewed(self, key: bytes) -> None:
        """The item of an answer that was kept was given to people."""
        self._memory.note_reviewed(key)

    async def close(self) -> None:
        """Let go of Redis."""
        if self._shared is not None:
            await self._shared.close()
