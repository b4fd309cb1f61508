"""Single flight: of equal items that are asked for at the same time, one is computed, and the others wait for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from slipway_kit.planning.entry import Reason, RefusedError

_T = TypeVar("_T")


class Flights(Generic[_T]):
    """Computations on their way.

    Whoever comes first leads. If that ends without a result (refused, failed, its client gone), the next one leads:
    what befell the first was its own deadline, its own client, or the company of its batch.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Future[tuple[_T] | None]] = {}

    def is_flying(self, key: Hashable) -> bool:
        """Whether who comes now would wait for somebody else."""
        return key in self._flights

    async def result(self, key: Hashable, compute: Callable[[], Awaitable[_T]], deadline: float) -> _T:
        """The result of the one that leads: this one, or another of the same key.

        Args:
            key: What equal items have in common.
            compute: What to do to lead.
            deadline: Seconds by `time.monotonic`; until then it waits for others.

        Raises:
            RefusedError: The deadline passed while another one led.
            Exception: What `compute` raised.
        """
        while (flight := self._flights.get(key)) is not None:
            # `wait` leaves the future alone when this task is cancelled, which the others wait for still.
            await asyncio.wait((flight,), timeout=max(deadline - time.monotonic(), 0))
            if not flight.done():
                raise RefusedError(Reason.DEADLINE_PASSED)
            result = flight.result()
            if result is not None:
                return result[0]
        return await self._lead(key, compute)

    async def _lead(self, key: Hashable, compute: Callable[[], Awaitable[_T]]) -> _T:
        flight: asyncio.Future[tuple[_T] | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        told: tuple[_T] | None = None
        try:
            result = await compute()
            told = (result,)
            return result
        finally:
            del self._flights[key]
            flight.set_result(told)
