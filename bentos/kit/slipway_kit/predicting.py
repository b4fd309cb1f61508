"""From a request to its answer: the path that every prediction takes, and that is kept short.

It is written in steps that are called, without a task of its own: our server calls them from the connection
(protocol.py), and ASGI through `Predictions.__call__`, which waits where they cannot.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from slipway_kit import circling, incoming
from slipway_kit.answers import Answer, Headers, Receive, Scope, Send, fault, refused, result, written
from slipway_kit.around.around import Answered, Around, BreakerOpenError
from slipway_kit.batcher import Batcher, ModelFailedError, Ticket
from slipway_kit.incoming import GONE, BadRequestError, GoneError
from slipway_kit.logs import logger
from slipway_kit.metrics import Metrics
from slipway_kit.model import Contract, ItemError, OutputsError, units_of
from slipway_kit.planning.entry import Priority, Reason, RefusedError
from slipway_kit.planning.reading import Reading
from slipway_kit.requests import Request, RequestHeaders, enter_request
from slipway_kit.settings import Settings
from slipway_kit.tracing import Tracing

Reply = Callable[[Answer, Headers], object]
"""Is given a request's answer, once, and the headers that say whose it is."""

_PAUSE = 0.005
"""Seconds between two turns from which on the event loop had nothing to do meanwhile, or computed a batch."""
_HURRY = 1 / 8
"""Of the objective: so often a turn that refuses computes what was admitted; else that waits for its end."""
_NOBODY = Request(id="", priority=Priority.NORMAL, deadline=0.0, headers=())
"""Until the headers are read."""
_GONE = 499
"""What the log has for a client that went; nobody is sent it."""


class Predictions:
    """Answers `/predict` and `/predict/batch` with one loaded model."""

    def __init__(
        self,
        *,
        model: Any,
        version: str,
        contract: Contract,
        settings: Settings,
        batcher: Batcher,
        metrics: Metrics,
        tracing: Tracing | None,
        around: Around | None = None,
    ) -> None:
        self.around = around
        self.version = version
        self.settings = settings
        self.objective = settings.objective
        self.batcher = batcher
        self.metrics = metrics
        self.tracing = tracing
        self.encode = msgspec.json.Encoder().encode
        self._loop = asyncio.get_running_loop()
        self._turn: float | None = None
        self._began = self._turned_at = -math.inf
        self._worked = 0.0
        self._read = 0
        self._hurry_at = -math.inf
        """When what was admitted in this turn is computed, if one is refused then."""
        overloaded = refused(RefusedError(Reason.OVERLOADED, settings.objective))
        self._overloaded = overloaded.head() + b"x-request-id: ", overloaded.body
        self._reading = Reading(settings.objective)
        self._model = model
        self._one = msgspec.json.Decoder(contract.input)
        self._many = msgspec.json.Decoder(list[contract.input])  # type: ignore[name-defined]

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *, route: str, is_leaving: bool) -> None:
        """Answer a request, as ASGI has it."""
        answered: asyncio.Future[tuple[Answer, Headers]] = asyncio.get_running_loop().create_future()

        def reply(answer: Answer, more: Headers) -> None:
            if not answered.done():
                answered.set_result((answer, more))

        def gone() -> None:
            prediction.gone()
            answered.cancel()

        prediction = Prediction(self, route, reply)
        stop: Callable[[], object] = _nothing
        try:
            if prediction.enter(scope["headers"]):
                enter_request(prediction.request)
                prediction.ask(await incoming.body_of(scope, receive, self.settings, self.batcher.planner))
                stop = _watch(scope, receive, gone)
            answer, more = await answered
        except GoneError:
            prediction.gone()
            return
        except asyncio.CancelledError:
            if prediction.is_over:  # the client went
                return
            self.metrics.lost += 1  # by a server whose grace is over
            answer, more = prediction.ended(refused(RefusedError(Reason.DRAINING, 1.0)))
        except (BadRequestError, RefusedError) as error:
            answer, more = prediction.ended(_told(error))
        finally:
            stop()
        await answer.send(scope, send, more, closes=is_leaving)

    def arrived(self) -> float:
        """When what is read in this turn of the event loop may have come.

        Under load a turn takes in hundreds of requests, and what it reads has waited unread since the one before began
        to read. Were that not counted, a server that is all reading would refuse nothing, and answer everything late.
        """
        if self._turn is None:
            now, worked = time.monotonic(), time.thread_time()
            was_busy = now - self._turned_at < _PAUSE
            self._reading.turned(now - self._began, worked - self._worked, was_busy=was_busy)
            self._turn, self._began, self._worked = self._began if was_busy else now, now, worked
            self._read = 0
            self._hurry_at = -math.inf
            self._loop.call_soon(self._turned)
        return self._turn

    def crowded_out(self, route: str, headers: RequestHeaders) -> tuple[bytes, bytes] | None:
        """The head and the body of a refusal, where this turn of the event loop has no time left for the request.

        What is turned away so is counted, but has no log line and no span: it costs as little as it can.
        """
        arrival = self.arrived()
        now = time.monotonic()
        elapsed = now - self._began
        self._read += 1
        if self._reading.admits(Priority.LOW, elapsed, self._read) or self.around is not None:
            return None
        priority, id_ = incoming.glance(headers)
        if self._reading.admits(priority, elapsed, self._read):
            return None
        if now >= self._hurry_at:
            self.batcher.hurry()
            self._hurry_at = time.monotonic() + self.objective * _HURRY
        self.metrics.offered(1, now)
        self.metrics.refused(Reason.OVERLOADED, 1)
        self.metrics.request(route, 429, now - arrival)
        head, body = self._overloaded
        return head + id_ + b"\r\n", body

    def _turned(self) -> None:
        self._turn = None
        self._turned_at = time.monotonic()

    def items(self, body: bytes, *, is_many: bool) -> list[tuple[Any, int]]:
        """The items of a body, each with its units.

        Raises:
            BadRequestError: It is not what is expected.
            OutputsError: The model's `size` is broken.
        """
        try:
            items = self._many.decode(body) if is_many else [self._one.decode(body)]
        except msgspec.ValidationError as error:
            raise BadRequestError(fault(422, "invalid", str(error))) from None
        except (ValueError, RecursionError) as error:
            raise BadRequestError(fault(400, "not_json", str(error))) from None
        if not 1 <= len(items) <= self.settings.max_batch:
            says = f"a request has 1 to {self.settings.max_batch} items, and this one {len(items)}"
            raise BadRequestError(fault(413 if items else 422, "number_of_items", says))
        return [(item, units_of(self._model, item)) for item in items]


class Prediction:
    """One request, on its way to an answer."""

    __slots__ = ("_left", "_of", "_reply", "_route", "_task", "_tickets", "arrival", "is_over", "request")

    def __init__(self, of: Predictions, route: str, reply: Reply) -> None:
        self.arrival = of.arrived()
        self.is_over = False
        """Answered, or without anybody to answer."""
        self.request = _NOBODY
        self._of = of
        self._route = route
        self._reply = reply
        self._tickets: list[Ticket] = []
        self._left = 0
        """Items whose outputs are not there yet."""
        self._task: asyncio.Task[None] | None = None
        """Of what is around the batcher, where there is something."""
        of.metrics.in_flight += 1

    def enter(self, headers: RequestHeaders) -> bool:
        """Read the headers; false if the answer is given with that."""
        of = self._of
        try:
            head = incoming.head(headers, of.settings)
        except BadRequestError as error:
            self._end(error.answer)
            return False
        self.request = Request(
            id=head.id,
            priority=head.priority,
            deadline=self.arrival + min(head.budget, of.objective),
            headers=headers,
        )
        if of.tracing is not None:
            of.tracing.begin(self.request, self._route)
        return True

    def ask(self, body: bytes) -> None:
        """Have the items of the body computed, and the answer told when they are."""
        of, request = self._of, self.request
        try:
            if not self._is_many and of.around is None:
                of.batcher.refuse_unread(request)
            items = of.items(body, is_many=self._is_many)
        except Exception as error:  # noqa: BLE001  # an author's `size` or `__post_init__` raises whatever it likes
            self._end(_told(error))
            return
        if of.around is not None:
            whole = circling.answered(of.around, of.batcher, items, self, bytes=len(body) // len(items))
            self._task = asyncio.get_running_loop().create_task(self._circled(whole))
            return
        self._left = len(items)
        try:
            self._tickets = of.batcher.submit(
                items, request, tell=self._computed, arrival=self.arrival, deadline=request.deadline, bytes=len(body)
            )
        except RefusedError as error:
            self._end(_told(error))

    def gone(self) -> None:
        """The client went: nobody needs the answer."""
        if not self.is_over:
            self._of.metrics.cancelled()
            self._withdraw()
            self._note(_GONE)

    def ended(self, answer: Answer) -> tuple[Answer, Headers]:
        """End with this answer, which the caller sends."""
        if not self.is_over:
            self._of.metrics.request(self._route, answer.status, time.monotonic() - self.arrival)
            self._withdraw()
            self._note(answer.status)
        return answer, self._whose()

    @property
    def _is_many(self) -> bool:
        return self._route != "/predict"

    def note(self, ticket: Ticket) -> None:
        """An item is on its way."""
        self._tickets.append(ticket)

    def _withdraw(self) -> None:
        self._of.batcher.withdraw(self._tickets)
        if self._task is not None:
            self._task.cancel()

    async def _circled(self, whole: Awaitable[list[Answered]]) -> None:
        """Answer with what came from around the batcher."""
        try:
            found = await whole
            answer = circling.many(found, self._of.encode) if self._is_many else circling.one(found[0], self._of.encode)
        except RefusedError as error:
            if all(ticket.error is not error for ticket in self._tickets):  # the batcher does not know of it
                self._of.metrics.refused(error.reason, 1)
            answer = _told(error)
        except Exception as error:  # noqa: BLE001  # whatever it is, the client is told
            answer = _told(error)
        if not self.is_over:
            self._end(answer)

    def _computed(self, ticket: Ticket) -> None:
        """An item has its output, or will have none."""
        if self.is_over:
            return
        if ticket.error is not None:  # one that failed fails the request, so that the others are of no use
            self._of.batcher.withdraw(self._tickets)
            self._end(self.request.run(_told, ticket.error))
            return
        self._left -= 1
        if not self._left:
            self._end(self._answer())

    def _answer(self) -> Answer:
        outputs = [ticket.output for ticket in self._tickets]
        try:
            if self._is_many:
                return Answer(200, written({"results": [result(output) for output in outputs]}, self._of.encode))
            output = outputs[0]
            if isinstance(output, ItemError):
                return fault(output.status, output.reason, output.message)
            return Answer(200, written(output, self._of.encode))
        except OutputsError as error:
            return self.request.run(_told, error)

    def _end(self, answer: Answer) -> None:
        self._of.metrics.request(self._route, answer.status, time.monotonic() - self.arrival)
        self._note(answer.status)
        self._reply(answer, self._whose())

    def _whose(self) -> Headers:
        return ((b"x-request-id", self.request.id.encode()),) if self.request.id else ()

    def _note(self, status: int) -> None:
        self.is_over = True
        of, request, tickets = self._of, self.request, self._tickets
        of.metrics.in_flight -= 1
        if not request.id:
            return
        if of.tracing is not None:
            of.tracing.end(request, status)
        if status < 500 and random.random() >= of.settings.log_sample:  # noqa: S311  # a sample is no secret
            return
        fields: dict[str, Any] = {
            "request_id": request.id,
            "route": self._route,
            "status": status,
            "version": of.version,
            "priority": request.priority.name.lower(),
            "ms": round((time.monotonic() - self.arrival) * 1000, 3),
        }
        if tickets and tickets[0].started is not None:
            fields["queue_ms"] = round((tickets[0].started - self.arrival) * 1000, 3)
            fields["batch_items"] = tickets[0].batch_items
        logger.info("request", extra={"fields": fields})


def _watch(scope: Scope, receive: Receive, gone: Callable[[], object]) -> Callable[[], object]:
    """Have `gone` called when the client goes; what is returned ends the watch."""
    subscribe = (scope.get("extensions") or {}).get(GONE)
    if subscribe is not None:
        subscribe(gone)
        return lambda: subscribe(None)

    async def wait() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone()

    return asyncio.get_running_loop().create_task(wait()).cancel


def _nothing() -> None:
    pass


def _told(error: BaseException) -> Answer:
    """What a client is told of an error; the log is told the rest."""
    if isinstance(error, BadRequestError):
        return error.answer
    if isinstance(error, RefusedError):
        return refused(error)
    if isinstance(error, BreakerOpenError):
        return circling.left_alone(error)
    broken = error if isinstance(error, OutputsError) else error.__cause__
    if isinstance(broken, OutputsError):
        logger.error("the model broke its contract", exc_info=broken)
        return fault(500, "model_contract", str(broken))
    logger.error("the model failed", exc_info=error.__cause__ if isinstance(error, ModelFailedError) else error)
    return fault(500, "model_failed", "the model failed; the log says how, under this x-request-id")
