"""The author's smaller model, `predict_fallback`, in a thread of its own: what comes meanwhile is its next batch."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

from slipway_kit.model import Contract, ItemError, OutputsError
from slipway_kit.requests import Request, in_batch
from slipway_kit.workers import Threads

_MOST = 16
"""Items in a batch. It is not profiled, so that nobody knows what more would take."""


class _Waiting:
    __slots__ = ("future", "item", "request")

    def __init__(self, item: Any, request: Request | None) -> None:
        self.item = item
        self.request = request
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Smaller:
    """It belongs to the event loop it was made in.

    Args:
        model: An instance of the author's class.
        contract: What it promises, for this method too.
    """

    def __init__(self, model: Any, contract: Contract) -> None:
        self._model = model
        self._contract = contract
        self._threads = Threads(1)
        self._waiting: deque[_Waiting] = deque()
        self._is_computing = False

    async def answer(self, item: Any, request: Request | None, until: float) -> Any:
        """What `predict_fallback` answers, an ItemError too.

        Args:
            item: What to answer.
            request: Whose it is.
            until: Seconds by `time.monotonic`.

        Raises:
            TimeoutError: Nothing until then.
            OutputsError: What came is no answer for each item.
            Exception: What `predict_fallback` raised.
        """
        waiting = _Waiting(item, request)
        self._waiting.append(waiting)
        self._next()
        try:
            async with asyncio.timeout(max(until - time.monotonic(), 0)):
                return await waiting.future
        finally:
            waiting.future.cancel()

    def close(self) -> None:
        """Compute no more."""
        self._threads.close()

    def _next(self) -> None:
        if self._is_computing:
            return
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < _MOST:
            waiting = self._waiting.popleft()
            if not waiting.future.done():  # its deadline has passed, or its client went
                batch.append(waiting)
        if not batch:
            return
        self._is_computing = True
        members = tuple(waiting.request for waiting in batch if waiting.request is not None)
        items = [waiting.item for waiting in batch]
        self._threads.submit(lambda: in_batch(members, partial(self._computed, items)), partial(self._done, batch))

    def _computed(self, items: list[Any]) -> list[Any]:
        outputs = self._model.predict_fallback(items)
        called = f"{self._contract.name}.predict_fallback"
        if not isinstance(outputs, list | tuple) or len(outputs) != len(items):
            raise OutputsError(f"{called} must give a list of {len(items)} outputs for as many items")
        for output in outputs:
            if not isinstance(output, self._contract.output | ItemError):
                raise OutputsError(
                    f"{called} gave a {type(output).__name__} where it promises {self._contract.output.__name__}"
                )
        return list(outputs)

    def _done(self, batch: Sequence[_Waiting], outputs: list[Any] | None, error: BaseException | None) -> None:
        self._is_computing = False
        for place, waiting in enumerate(batch):
            if waiting.future.done():
                continue
            if outputs is None:
                waiting.future.set_exception(error or OutputsError("predict_fallback gave nothing"))
            else:
                waiting.future.set_result(outputs[place])
        self._next()
