"""From a request to its answer: the path that every prediction takes, and that is kept short."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import msgspec

from slipway_kit import incoming
from slipway_kit.answers import Answer, Fault, Receive, Refusal, Scope, Send, fault, refused
from slipway_kit.batcher import Batcher, ModelFailedError, Ticket
from slipway_kit.incoming import GONE, BadRequestError, GoneError
from slipway_kit.logs import logger
from slipway_kit.metrics import Metrics
from slipway_kit.model import Contract, ItemError, OutputsError, units_of
from slipway_kit.planning.entry import Reason, RefusedError
from slipway_kit.requests import Request, enter_request
from slipway_kit.settings import Settings
from slipway_kit.tracing import Tracing


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
    ) -> None:
        self._model = model
        self._version = version
        self._settings = settings
        self._batcher = batcher
        self._metrics = metrics
        self._tracing = tracing
        self._one = msgspec.json.Decoder(contract.input)
        self._many = msgspec.json.Decoder(list[contract.input])  # type: ignore[name-defined]
        self._encode = msgspec.json.Encoder().encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *, route: str, is_leaving: bool) -> None:
        """Answer a request."""
        arrival = time.monotonic()
        metrics = self._metrics
        metrics.in_flight += 1
        request: Request | None = None
        tickets: list[Ticket] = []
        try:
            head = incoming.head(scope, self._settings)
            request = Request(
                id=head.id,
                priority=head.priority,
                deadline=arrival + min(head.budget, self._settings.objective),
                headers=scope["headers"],
            )
            enter_request(request)
            if self._tracing is not None:
                self._tracing.begin(request, route)
            body = await incoming.body_of(scope, receive, self._settings, self._batcher.planner)
            items = self._items(body, is_many=route != "/predict")
            tickets = self._batcher.submit(items, request, arrival=arrival, budget=head.budget, bytes=len(body))
            answer = await self._answered(scope, receive, tickets, is_many=route != "/predict")
        except GoneError:
            metrics.cancelled()
            self._end(request, route, 499, arrival, tickets)
            return
        except asyncio.CancelledError:  # by a server whose grace is over
            metrics.lost += 1
            answer = refused(RefusedError(Reason.DRAINING, 1.0))
        except BadRequestError as bad:
            answer = bad.answer
        except RefusedError as error:
            answer = refused(error)
        except ModelFailedError as error:
            answer = _failed(error)
        except OutputsError as error:
            logger.exception("the model broke its contract")
            answer = fault(500, "model_contract", str(error))
        finally:
            metrics.in_flight -= 1
        metrics.request(route, answer.status, time.monotonic() - arrival)
        more = ((b"x-request-id", request.id.encode()),) if request is not None else ()
        await answer.send(scope, send, more, closes=is_leaving)
        self._end(request, route, answer.status, arrival, tickets)

    def _items(self, body: bytes, *, is_many: bool) -> list[tuple[Any, int]]:
        try:
            items = self._many.decode(body) if is_many else [self._one.decode(body)]
        except msgspec.ValidationError as error:
            raise BadRequestError(fault(422, "invalid", str(error))) from None
        except (ValueError, RecursionError) as error:
            raise BadRequestError(fault(400, "not_json", str(error))) from None
        if not 1 <= len(items) <= self._settings.max_batch:
            says = f"a request has 1 to {self._settings.max_batch} items, and this one {len(items)}"
            raise BadRequestError(fault(413 if items else 422, "number_of_items", says))
        return [(item, units_of(self._model, item)) for item in items]

    async def _answered(self, scope: Scope, receive: Receive, tickets: list[Ticket], *, is_many: bool) -> Answer:
        """Wait for the items, unless the client goes first.

        Raises:
            GoneError: It did.
            RefusedError: An item was refused after all.
            ModelFailedError: The model raised.
        """
        gone = False

        def withdraw() -> None:
            nonlocal gone
            gone = True
            self._batcher.withdraw(tickets)

        stop = _watch(scope, receive, withdraw)
        try:
            outputs = [await ticket.future for ticket in tickets]
        except asyncio.CancelledError:
            if gone:
                raise GoneError from None
            raise
        finally:
            stop()
            if len(tickets) > 1:  # one that failed fails the request, so that the others are of no use
                self._batcher.withdraw(tickets)
        if is_many:
            return Answer(200, self._encode({"results": [_result(output) for output in outputs]}))
        output = outputs[0]
        if isinstance(output, ItemError):
            return fault(output.status, output.reason, output.message)
        return Answer(200, self._encode(output))

    def _end(self, request: Request | None, route: str, status: int, arrival: float, tickets: list[Ticket]) -> None:
        if request is None:
            return
        if self._tracing is not None:
            self._tracing.end(request, status)
        if status < 500 and random.random() >= self._settings.log_sample:  # noqa: S311  # a sample is no secret
            return
        fields: dict[str, Any] = {
            "route": route,
            "status": status,
            "version": self._version,
            "priority": request.priority.name.lower(),
            "ms": round((time.monotonic() - arrival) * 1000, 3),
        }
        if tickets and tickets[0].started is not None:
            fields["queue_ms"] = round((tickets[0].started - arrival) * 1000, 3)
            fields["batch_items"] = tickets[0].batch_items
        logger.info("request", extra={"fields": fields})


def _watch(scope: Scope, receive: Receive, withdraw: Callable[[], None]) -> Callable[[], object]:
    """Have `withdraw` called when the client goes; what is returned ends the watch."""
    subscribe = (scope.get("extensions") or {}).get(GONE)
    if subscribe is not None:
        subscribe(withdraw)
        return lambda: subscribe(None)

    async def wait() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        withdraw()

    return asyncio.get_running_loop().create_task(wait()).cancel


def _result(output: Any) -> dict[str, Any] | Refusal:
    if isinstance(output, ItemError):
        return Refusal(Fault(output.reason, output.message))
    return {"output": output}


def _failed(error: ModelFailedError) -> Answer:
    if isinstance(error.__cause__, OutputsError):
        logger.error("the model broke its contract", exc_info=error.__cause__)
        return fault(500, "model_contract", str(error))
    logger.error("the model failed", exc_info=error.__cause__)
    return fault(500, "model_failed", "the model failed; the log says how, under this x-request-id")
