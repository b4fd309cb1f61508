"""Answers in a Redis that replicas share: a convenience, which no answer fails or waits long for.

https://redis.io/docs/latest/commands/set/ (PX). The client is redis-py's; its own retries are off, since an answer that
is not there at once is computed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from slipway_kit.around.breaker import Breaker, State
from slipway_kit.around.memory import Stored
from slipway_kit.around.metrics import AroundMetrics, Guarded, Trouble
from slipway_kit.around.settings import AroundSettings
from slipway_kit.logs import logger

_FORMAT = b"1"
"""Of values; another one is no answer to this code. Then `r` or `-`: whether people were given the item. Then JSON."""
_REVIEWED = {True: b"r", False: b"-"}
_CONNECTIONS = 16
_CONNECT_SECONDS = 1.0
"""For a connection, or what is done by it, to come about after the answer has stopped waiting: one that takes longer
than an answer waits, TLS to another zone, must be possible all the same."""
_MOST_ON_THE_WAY = 256
"""Answers on their way to Redis; what comes on top is not sent."""


class SharedCache:
    """Redis, behind a breaker of its own.

    Args:
        settings: As from the environment.
        prefix: What every key begins with.
        metrics: Told what went wrong.
        clock: Of the breaker, in seconds.

    Raises:
        ValueError: The URL is none.
    """

    def __init__(
        self,
        settings: AroundSettings,
        prefix: str,
        metrics: AroundMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = prefix.encode()
        self._limit = settings.cache_timeout_ms / 1000
        self._milliseconds = max(int(settings.cache_seconds * 1000), 1)
        self._metrics = metrics
        self._calls: set[asyncio.Task[Any]] = set()
        self._puts = 0
        self._error: BaseException | None = None
        self._breaker = Breaker(
            share=0.5,
            seconds=settings.breaker_seconds,
            calls=20,
            least=3,
            clock=clock,
            changed=self._changed,
        )
        pool = BlockingConnectionPool.from_url(
            settings.cache_url,
            max_connections=_CONNECTIONS,
            timeout=_CONNECT_SECONDS,
            socket_timeout=_CONNECT_SECONDS,
            socket_connect_timeout=_CONNECT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # one round trip less for each connection
        )
        self._redis: Redis = Redis.from_pool(pool)

    async def get(self, key: bytes, deadline: float, decode: Callable[[bytes], Any]) -> tuple[Stored, Any] | None:
        """What is kept, and the same decoded; none when Redis has nothing, or is of no use now.

        Args:
            key: Of the item.
            deadline: Seconds by `time.monotonic`, by which to give up at the latest.
            decode: Of an answer's JSON.
        """
        name = self._prefix + key.hex().encode()
        value = await self._called(lambda: self._redis.get(name), min(self._limit, deadline - time.monotonic()))
        if not isinstance(value, bytes):
            return None
        stored = Stored(value[2:], value[1:2] == _REVIEWED[True])
        try:
            if value[:1] == _FORMAT:
                return stored, decode(stored.encoded)
        except (msgspec.DecodeError, ValueError):
            pass  # counted below, like another format
        self._metrics.troubles[Trouble.UNREADABLE] += 1
        return None

    def put(self, key: bytes, stored: Stored) -> None:
        """Send an answer; whether it comes there is only counted."""
        if self._puts >= _MOST_ON_THE_WAY:
            self._metrics.troubles[Trouble.SKIPPED] += 1
            return
        value = b"".join((_FORMAT, _REVIEWED[stored.is_reviewed], stored.encoded))
        name = self._prefix + key.hex().encode()
        self._puts += 1
        task = self._begun(self._called(lambda: self._redis.set(name, value, px=self._milliseconds), self._limit))
        task.add_done_callback(self._put_done)

    async def close(self) -> None:
        """Give what is on its way as long as an answer would, then let go."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=self._limit)
        for task in tuple(self._calls):
            task.cancel()
        if self._calls:
            await asyncio.wait(tuple(self._calls))
        await self._redis.aclose()

    async def _called(self, call: Callable[[], Awaitable[Any]], limit: float) -> Any:
        """What Redis says within the limit; none if it says nothing, which is counted."""
        permit = self._breaker.admit()
        if permit is None:
            self._metrics.troubles[Trouble.SKIPPED] += 1
            return None
        # It is not cancelled at the limit: a connection that comes about later is of use to those behind.
        task = self._begun(call())
        try:
            await asyncio.wait((task,), timeout=max(limit, 0))
        except asyncio.CancelledError:
            self._breaker.withdrawn(permit)
            raise
        error: BaseException | None = TimeoutError(f"nothing within {limit:g} s")
        trouble = Trouble.TIMEOUT
        if task.done() and not task.cancelled():
            error, trouble = task.exception(), Trouble.ERROR
            if error is None:
                self._breaker.succeeded(permit)
                return task.result()
        self._metrics.troubles[trouble] += 1
        if trouble is Trouble.TIMEOUT and limit < self._limit:
            self._breaker.withdrawn(permit)  # the client's haste is no fault of Redis
        else:
            self._error = error
            self._breaker.failed(permit)
        return None

    def _begun(self, call: Awaitable[Any]) -> asyncio.Task[Any]:
        async def calling() -> Any:
            return await call

        task = asyncio.get_running_loop().create_task(calling())
        self._calls.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()  # it was told in `_called`, or comes too late to be told

    def _put_done(self, _: asyncio.Task[Any]) -> None:
        self._puts -= 1

    def _changed(self, state: State) -> None:
        self._metrics.entered(Guarded.REDIS, state)
        if state is State.OPEN:
            logger.warning(
                "Redis is left alone; answers come without it", extra={"fields": {"error": repr(self._error)}}
            )
        elif state is State.CLOSED:
            self._error = None
            logger.info("Redis answers again")
