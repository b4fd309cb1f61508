"""What happens to one item, from when it was read to its answer, apart from HTTP and from the batcher."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec

from slipway_kit.answers import written
from slipway_kit.around.breaker import Breaker, State
from slipway_kit.around.cache import ResultCache
from slipway_kit.around.fallback import Chain
from slipway_kit.around.memory import Stored
from slipway_kit.around.metrics import AroundMetrics, Guarded, Source
from slipway_kit.around.review import Mark, Review
from slipway_kit.around.settings import AroundSettings, Step
from slipway_kit.batcher import ModelFailedError
from slipway_kit.logs import logger
from slipway_kit.model import Contract, ItemError
from slipway_kit.requests import Request, current_request

Compute = Callable[[], Awaitable[Any]]
"""Lets the batcher answer the item: an output, or an ItemError."""
_SOURCES = {Step.SMALLER: Source.SMALLER, Step.CACHED: Source.CACHED, Step.DEFAULT: Source.DEFAULT}


class BreakerOpenError(Exception):
    """The model was not asked, as it keeps failing, and no fallback had an answer."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("the model keeps failing and is left alone")
        self.retry_after = retry_after
        """Seconds until it is tried again."""


class Answered(NamedTuple):
    """An item's answer."""

    output: Any
    """An ItemError, or what the model promises."""
    source: Source
    review: Mark | None = None
    """Set where its confidence is too low."""
    encoded: bytes | None = None
    """The output as JSON, where that was at hand."""


class Around:
    """Cache, breaker, fallbacks and review of one loaded model, as far as settings ask for them.

    Args:
        settings: As from the environment.
        metrics: Told of everything.
        cache: Of its answers.
        chain: Who answers in its place; with none there is no breaker.
        review: Who sees what it is not sure of.
        clock: Of the breaker, in seconds.
    """

    def __init__(
        self,
        settings: AroundSettings,
        metrics: AroundMetrics,
        *,
        cache: ResultCache | None,
        chain: Chain | None,
        review: Review | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = metrics
        self._cache = cache
        self._chain = chain
        self._review = review
        self._encode = msgspec.json.Encoder().encode
        self._logged: BaseException | None = None
        self._breaker: Breaker | None = None
        if chain is not None:
            self._breaker = Breaker(
                share=settings.breaker_failures,
                seconds=settings.breaker_seconds,
                clock=clock,
                changed=self._changed,
            )

    async def answer(self, item: Any, compute: Compute, deadline: float, request: Request | None = None) -> Answered:
        """The item's answer, whoever has it.

        Args:
            item: As it was decoded.
            compute: Called at most once, and not at all when the answer comes from elsewhere.
            deadline: Seconds by `time.monotonic`.
            request: Whose it is; the current one, if none is given.

        Raises:
            RefusedError: By the batcher, or as the deadline passed while an equal item was computed.
            ModelFailedError: The model failed, and no fallback had an answer.
            BreakerOpenError: The model was not asked, and no fallback had an answer.
            Exception: What else `compute` raised.
        """
        request = request or current_request()
        key = None
        if self._cache is not None:
            key = self._cache.key(item)
            stored = self._cache.fresh(key)
            if stored is not None:
                return self._told(self._found(item, key, stored, self._cache.decode(stored.encoded), request))
        try:
            if self._cache is None or key is None:
                return self._told(await self._computed(item, None, compute, request))
            flying = key
            answered: Answered = await self._cache.once(
                key,
                lambda: self._looked_up(item, flying, compute, deadline, request),
                priority=request.priority if request is not None else 0,
                deadline=deadline,
            )
            return self._told(answered)
        except (ModelFailedError, BreakerOpenError) as error:
            substitute = await self._substitute(item, key, deadline, request, error)
            if substitute is None:
                raise
            return self._told(substitute)

    async def close(self, grace_seconds: float) -> int:
        """Send what waits for review; how many items are in the log instead, since the grace did not suffice."""
        if self._chain is not None:
            self._chain.close()
        lost = 0
        if self._review is not None:
            lost = await asyncio.to_thread(self._review.close, grace_seconds)
        if self._cache is not None:
            await self._cache.close()
        return lost

    async def _looked_up(
        self, item: Any, key: bytes, compute: Compute, deadline: float, request: Request | None
    ) -> Answered:
        """As one of those that ask for the same: from Redis, or else from the model."""
        if self._cache is not None:
            found = await self._cache.shared(key, deadline)
            if found is not None:
                return self._found(item, key, *found, request)
        return await self._computed(item, key, compute, request)

    async def _computed(self, item: Any, key: bytes | None, compute: Compute, request: Request | None) -> Answered:
        """By the model, unless its breaker is open."""
        output = await self._guarded(compute)
        if isinstance(output, ItemError):
            return Answered(output, Source.MODEL)
        mark = self._marked(item, output, request)
        encoded = None
        if self._cache is not None and key is not None:
            encoded = written(output, self._encode)
            self._cache.keep(key, Stored(encoded, mark is Mark.QUEUED))
        return Answered(output, Source.MODEL, mark, encoded)

    async def _guarded(self, compute: Compute) -> Any:
        breaker = self._breaker
        if breaker is None:
            return await compute()
        permit = breaker.admit()
        if permit is None:
            raise BreakerOpenError(breaker.retry_after)
        try:
            output = await compute()
        except ModelFailedError as error:
            breaker.failed(permit, error.__cause__)
            raise
        except BaseException:  # refused, or its client is gone: it says nothing of the model
            breaker.withdrawn(permit)
            raise
        breaker.succeeded(permit)
        return output

    async def _substitute(
        self, item: Any, key: bytes | None, deadline: float, request: Request | None, error: Exception
    ) -> Answered | None:
        if self._chain is None:
            return None
        found = await self._chain.substitute(item, key, request, deadline)
        if found is None:
            self.metrics.unanswered += 1
            return None
        if isinstance(error, ModelFailedError) and error.__cause__ is not self._logged:
            self._logged = error.__cause__  # one line for a batch; without it, a fallback would hide the failure
            logger.error("the model failed, and a fallback answers", exc_info=error.__cause__)
        if found.stored is not None and key is not None:
            return self._found(item, key, found.stored, found.output, request)._replace(source=Source.CACHED)
        source = _SOURCES[found.step]
        # A default is no model's opinion, and during an outage there would be nothing else in the queue.
        mark = self._marked(item, found.output, request) if source is Source.SMALLER else None
        return Answered(found.output, source, mark)

    def _found(self, item: Any, key: bytes, stored: Stored, output: Any, request: Request | None) -> Answered:
        mark = self._marked(item, output, request, is_queued=stored.is_reviewed)
        if mark is Mark.QUEUED and not stored.is_reviewed and self._cache is not None:
            self._cache.note_reviewed(key)
        return Answered(output, Source.CACHE, mark, stored.encoded)

    def _marked(self, item: Any, output: Any, request: Request | None, *, is_queued: bool = False) -> Mark | None:
        if self._review is None or isinstance(output, ItemError):
            return None
        return self._review.mark(item, output, request.id if request is not None else "", is_queued=is_queued)

    def _told(self, answered: Answered) -> Answered:
        self.metrics.answers[answered.source] += 1
        return answered

    def _changed(self, state: State) -> None:
        self.metrics.entered(Guarded.MODEL, state)
        if state is State.OPEN:
            logger.error("the model keeps failing, and is left alone; fallbacks answer")
        elif state is State.CLOSED:
            self._logged = None
            logger.info("the model answers again")


def around(
    model: Any,
    contract: Contract,
    version: str,
    settings: AroundSettings,
    metrics: AroundMetrics,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Around | None:
    """What the settings ask for around a loaded model; none if they ask for nothing. It is made in its event loop.

    Args:
        model: An instance of the author's class, which `contract.check` has passed.
        contract: What it promises.
        version: Of the model.
        settings: As from the environment.
        metrics: To be scraped.
        clock: For how old answers are and how long breakers are open; deadlines are by `time.monotonic`.

    Raises:
        SettingsError: What a setting needs is not installed, or cannot be used.
    """
    if not (settings.has_cache or settings.fallback or settings.review_queue_url):
        return None
    from slipway_kit.around import extras

    cache = None
    if settings.has_cache:
        shared = extras.shared(settings, contract, version, metrics, clock) if settings.cache_url else None
        cache = ResultCache(contract, version, settings, metrics=metrics, shared=shared, clock=clock)
    chain = Chain(settings.fallback, model, contract, cache, metrics) if settings.fallback else None
    review = extras.review(model, contract, version, settings, metrics) if settings.review_below is not None else None
    return Around(settings, metrics, cache=cache, chain=chain, review=review, clock=clock)
