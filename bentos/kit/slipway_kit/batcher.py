"""Puts the planner's decisions into effect on an event loop: it starts batches, tells results, and wakes for deadlines.

Nothing is polled. A decision is taken when an item has come, when a batch is done, and when a deadline passes. The
clock is `time.monotonic`: that of uvloop counts milliseconds, and stands still while a callback runs.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from slipway_kit.planning.entry import Entry, Priority, Reason, RefusedError
from slipway_kit.planning.planner import Batch, Planner
from slipway_kit.requests import Request, in_batch
from slipway_kit.workers import Workers

_SHORTEST_WAIT = 0.001
"""Seconds; the resolution of a loop's timers, which may ring early by that."""
_AT_ONCE = 1 / 8
"""Of the objective: for how long batches are computed in the event loop before it looks for what has come."""


class Observer(Protocol):
    """Is told what happens: metrics, traces."""

    def offered(self, units: int, now: float) -> None:
        """An item came, be it admitted or not."""

    def refused(self, reason: Reason, items: int) -> None:
        """Items were not computed."""

    def started(self, batch: Batch, members: Sequence[Request]) -> Any:
        """A batch begins; what is returned is handed to `inside` and `ended`."""

    def inside(self, begun: Any, compute: Callable[[], list[Any]]) -> list[Any]:
        """Compute it, in the thread where it is computed."""
        ...

    def ended(self, batch: Batch, begun: Any, error: BaseException | None) -> None:
        """It is done."""


Tell = Callable[["Ticket"], object]


class Ticket:
    """An item on its way, and what became of it."""

    __slots__ = ("batch_items", "entry", "error", "item", "output", "request", "started", "tell")

    def __init__(self, item: Any, request: Request, tell: Tell) -> None:
        self.item = item
        self.request = request
        self.tell: Tell | None = tell
        """Called once, in the event loop, when there is an output or an error; none once nobody waits for it."""
        self.output: Any = None
        self.error: BaseException | None = None
        self.entry: Entry | None = None
        self.started: float | None = None
        """When its batch began."""
        self.batch_items = 0
        """Items in that batch."""

    def settle(self, output: Any, error: BaseException | None) -> None:
        """Tell, unless nobody waits for it any more."""
        tell, self.tell, self.entry = self.tell, None, None  # no cycles: nothing is left for the collector
        if tell is not None:
            self.output, self.error = output, error
            tell(self)


class Batcher:
    """Between the requests and the model. It belongs to the event loop it was made in."""

    def __init__(
        self, planner: Planner, compute: Callable[[list[Any]], list[Any]], workers: Workers, observer: Observer
    ) -> None:
        self.planner = planner
        self._compute = compute
        self._workers = workers
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._is_called = False
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(
        self,
        items: Sequence[tuple[Any, int]],
        request: Request,
        *,
        tell: Tell,
        arrival: float,
        deadline: float = math.inf,
        bytes: int = 0,  # noqa: A002
    ) -> list[Ticket]:
        """Let the items of a request wait for their batches: all of them, or none.

        Args:
            items: Each with its units.
            request: Whose they are.
            tell: Called for each of them when it has its output or an error, and never from here.
            arrival: When it came, by `time.monotonic`.
            deadline: By which an answer is of use; the objective's, if that is sooner.
            bytes: Of its body.

        Raises:
            RefusedError: One could not be admitted.
        """
        now = time.monotonic()
        tickets: list[Ticket] = []
        share = bytes // len(items)
        for item, units in items:
            self._observer.offered(units, now)
            ticket = Ticket(item, request, tell)
            try:
                admission = self.planner.admit(
                    ticket,
                    now=now,
                    arrival=arrival,
                    deadline=deadline,
                    priority=request.priority,
                    units=units,
                    bytes=share,
                )
            except RefusedError as refused:
                self.withdraw(tickets)
                self._observer.refused(refused.reason, len(items))
                raise
            ticket.entry = admission.entry
            tickets.append(ticket)
            if admission.entry.deadline < self._alarm_at:
                self._wake_for_deadline()
            if admission.displaced:
                self._refuse(admission.displaced, Reason.DISPLACED)
        self._idle.clear()
        self._call()
        return tickets

    def refuse_unread(self, request: Request) -> None:
        """Refuse a request of one item whose body need not be read for that.

        Raises:
            RefusedError: It cannot be answered in time, whatever it holds.
        """
        seconds = self.planner.hopeless(request.priority, request.deadline)
        if seconds is not None:
            self._observer.offered(1, time.monotonic())
            self._observer.refused(Reason.DEADLINE_UNREACHABLE, 1)
            raise RefusedError(Reason.DEADLINE_UNREACHABLE, seconds)

    def hurry(self) -> None:
        """Compute now what has come, rather than at the end of this turn of the event loop."""
        if self.planner.can_start:
            self._dispatch()

    def withdraw(self, tickets: Iterable[Ticket]) -> None:
        """Forget items whose client has gone; the answer of one that is being computed is thrown away."""
        for ticket in tickets:
            ticket.tell = None
            if ticket.entry is not None:
                self.planner.withdraw(ticket.entry)
        self._note_idle()

    def wait(self, priority: Priority) -> float:
        """Seconds until an item that comes now would be done."""
        return self.planner.wait(time.monotonic(), priority)

    async def drained(self) -> None:
        """Wait until nothing waits and nothing is computed."""
        await self._idle.wait()

    def close(self) -> None:
        """Refuse what is left; what is being computed, too, since nobody will be here to tell."""
        self.planner.is_draining = True
        left = list(self.planner.queue)
        self.planner.queue.remove_all(left)
        self._refuse(left, Reason.DRAINING)
        for batch in self.planner.in_flight:
            self._refuse(batch.entries, Reason.DRAINING)
        if self._alarm is not None:
            self._alarm.cancel()
        self._workers.close()

    def _call(self) -> None:
        # At the end of this turn of the loop: whatever else has come with it is then in the same batch, and a lone
        # request has not waited for company.
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._dispatch)

    def _dispatch(self) -> None:
        begun = now = time.monotonic()
        # What the event loop computes itself, it computes before it reads on: else what comes delays what has come.
        while self._next(now) and now - begun < self.planner.limits.objective * _AT_ONCE:
            now = time.monotonic()
        self._is_called = False
        if self.planner.can_start:
            self._call()

    def _next(self, now: float) -> bool:
        """Start the next batch, if one can be."""
        self._refuse(self.planner.expire(now), Reason.DEADLINE_PASSED)
        batch, lost = self.planner.next(now)
        self._refuse(lost, Reason.DEADLINE_UNREACHABLE)
        if batch is None:
            self._note_idle()
            return False
        self._start(batch)
        return True

    def _start(self, batch: Batch) -> None:
        tickets: list[Ticket] = [entry.payload for entry in batch.entries]
        for ticket in tickets:
            ticket.started = batch.started
            ticket.batch_items = len(tickets)
        members = tuple(ticket.request for ticket in tickets)
        begun = self._observer.started(batch, members)

        def compute() -> list[Any]:
            return self._compute([ticket.item for ticket in tickets])

        def call() -> list[Any]:
            return in_batch(members, lambda: self._observer.inside(begun, compute))

        def done(outputs: list[Any] | None, error: BaseException | None) -> None:
            self._done(batch, tickets, outputs, error)
            self._observer.ended(batch, begun, error)

        self._workers.submit(call, done)

    def _done(
        self, batch: Batch, tickets: Sequence[Ticket], outputs: list[Any] | None, error: BaseException | None
    ) -> None:
        self.planner.finished(batch, time.monotonic(), is_typical=error is None)
        if outputs is None:
            for ticket in tickets:
                ticket.settle(None, ModelFailedError(error))
        else:
            for ticket, output in zip(tickets, outputs, strict=True):
                ticket.settle(output, None)
        if self.planner.queue:
            self._call()
        else:
            self._note_idle()

    def _refuse(self, entries: Sequence[Entry], reason: Reason) -> None:
        if not entries:
            return
        self._observer.refused(reason, len(entries))
        for entry in entries:
            ticket: Ticket = entry.payload
            ticket.settle(None, RefusedError(reason, self.wait(entry.priority)))

    def _note_idle(self) -> None:
        if not self.planner.queue and not self.planner.in_flight:
            self._idle.set()

    def _wake_for_deadline(self) -> None:
        """Have the loop call at the earliest deadline, so that a model that hangs leaves nobody without an answer."""
        first = self.planner.queue.next_deadline()
        if first is None or first >= self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = first
        self._alarm = self._loop.call_later(max(first - time.monotonic(), _SHORTEST_WAIT), self._ring)

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, math.inf
        self._refuse(self.planner.expire(time.monotonic()), Reason.DEADLINE_PASSED)
        self._note_idle()
        self._wake_for_deadline()


class ModelFailedError(Exception):
    """`predict_batch` raised, or gave no answer for each item; the cause says what."""

    def __init__(self, cause: BaseException | None) -> None:
        super().__init__(str(cause))
        self.__cause__ = cause
