"""Where a model computes: in threads of its own, or in the event loop itself.

Threads are daemons, so that a model that hangs does not keep the process from ending; concurrent.futures joins its own.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

_NOT_LIGHT = 0.02
"""Seconds in the event loop that are too many: for so long, not even health was answered."""
_SLOW_IN_A_ROW = 3
"""Calls after which a model is given threads; a single one may have lost its core to a neighbour."""

Done = Callable[[Any, BaseException | None], None]
"""Told, in the event loop, what a call returned or raised."""


class Workers(Protocol):
    """Runs calls, and tells when each is done."""

    def submit(self, call: Callable[[], Any], done: Done) -> None:
        """Run it."""

    def close(self) -> None:
        """Take no more."""


class Inline:
    """The event loop: for calls that take less than what it costs to hand them to a thread and back."""

    def submit(self, call: Callable[[], Any], done: Done) -> None:
        """Run it now, and tell."""
        try:
            result = call()
        except Exception as error:  # noqa: BLE001  # whatever the model raises is its batch's
            done(None, error)
        else:
            done(result, None)

    def close(self) -> None:
        """Nothing is held."""


class Light:
    """The event loop, until a call has shown to be not as quick as when it was measured; threads from then on."""

    def __init__(self, threads: Callable[[], Workers]) -> None:
        self._workers: Workers = Inline()
        self._threads = threads
        self._slow = 0

    def submit(self, call: Callable[[], Any], done: Done) -> None:
        """Run it, and see how long it takes."""
        begun = time.monotonic()
        self._workers.submit(call, done)
        self._slow = self._slow + 1 if time.monotonic() - begun > _NOT_LIGHT else 0
        if self._slow == _SLOW_IN_A_ROW and isinstance(self._workers, Inline):
            self._workers = self._threads()

    def close(self) -> None:
        """Take no more."""
        self._workers.close()


class Threads:
    """As many threads as batches may run at the same time."""

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Done] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"slipway-model-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[[], Any], done: Done) -> None:
        """Let the next free thread run it."""
        self._calls.put((call, done))

    def close(self) -> None:
        """Let every thread end after what it does now."""
        for _ in self._threads:
            self._calls.put(None)

    def _work(self) -> None:
        while (work := self._calls.get()) is not None:
            call, done = work
            result: Any = None
            error: BaseException | None = None
            try:
                result = call()
            except BaseException as raised:  # noqa: BLE001  # whatever the model raises is its batch's
                error = raised
            try:
                self._loop.call_soon_threadsafe(done, result, error)
            except RuntimeError:  # the loop has ended, and with it all who waited
                return
