"""Lets a request's items go through what is around the batcher: cache, breaker, fallbacks, review."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from slipway_kit.answers import JSON, Answer, Fault, Headers, Refusal, fault, result, retry_after, written
from slipway_kit.around.around import Answered, Around, BreakerOpenError
from slipway_kit.around.metrics import Source
from slipway_kit.batcher import Batcher, Ticket
from slipway_kit.model import ItemError

if TYPE_CHECKING:
    from slipway_kit.predicting import Prediction

_SOURCE, _REVIEW = b"x-slipway-source", b"x-slipway-review"
"""What is said of an answer that is not simply the model's."""

Encode = Callable[[Any], bytes]


async def answered(
    around: Around,
    batcher: Batcher,
    items: Sequence[tuple[Any, int]],
    prediction: Prediction,
    *,
    bytes: int,  # noqa: A002
) -> list[Answered]:
    """Every item's answer.

    Args:
        around: What is around the batcher.
        batcher: What asks the model.
        items: With their units.
        prediction: Whose they are.
        bytes: Of the body, for each of them.

    Raises:
        RefusedError: One could not be computed in time.
        ModelFailedError: The model failed, and nothing answered in its place.
        BreakerOpenError: It was not asked, and nothing answered in its place.
    """
    request = prediction.request

    async def computed(item: Any, units: int) -> Any:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell(_: Ticket) -> None:
            if not done.done():
                done.set_result(None)

        [ticket] = batcher.submit(
            [(item, units)], request, tell=tell, arrival=prediction.arrival, deadline=request.deadline, bytes=bytes
        )
        prediction.note(ticket)
        try:
            await done
        except asyncio.CancelledError:
            batcher.withdraw([ticket])
            raise
        if ticket.error is not None:
            raise ticket.error
        return ticket.output

    def asked(item: Any, units: int) -> Any:
        return around.answer(item, lambda: computed(item, units), request.deadline, request)

    if len(items) == 1:
        return [await asked(*items[0])]
    tasks = [asyncio.ensure_future(asked(*item)) for item in items]
    try:
        return list(await asyncio.gather(*tasks))
    finally:  # one that failed fails the request, so that the others are of no use
        for task in tasks:
            task.cancel()


def one(answered: Answered, encode: Encode) -> Answer:
    """The answer to a request with one item; headers say what is to be said of it."""
    output = answered.output
    if isinstance(output, ItemError):
        return fault(output.status, output.reason, output.message)
    return Answer(200, answered.encoded or written(output, encode), (*JSON, *_marks(answered)))


def many(found: Sequence[Answered], encode: Encode) -> Answer:
    """The answer to a request with several items; what is to be said of one is beside its output."""
    results = []
    for each in found:
        output = msgspec.Raw(each.encoded) if each.encoded is not None else each.output
        told = result(output)
        if isinstance(told, dict):
            told |= {name.decode().removeprefix("x-slipway-"): value.decode() for name, value in _marks(each)}
        results.append(told)
    return Answer(200, written({"results": results}, encode))


def left_alone(error: BreakerOpenError) -> Answer:
    """For a model that keeps failing, and has nothing that answers in its place."""
    milliseconds = max(1, math.ceil(error.retry_after * 1000))
    says = "the model keeps failing and is left alone for a while; try again later"
    body = msgspec.json.encode(Refusal(Fault("model_failing", says, milliseconds)))
    return Answer(503, body, (*JSON, retry_after(milliseconds)))


def _marks(answered: Answered) -> Headers:
    marks: Headers = ()
    if answered.source is not Source.MODEL:
        marks += ((_SOURCE, answered.source.encode()),)
    if answered.review is not None:
        marks += ((_REVIEW, answered.review.encode()),)
    return marks
