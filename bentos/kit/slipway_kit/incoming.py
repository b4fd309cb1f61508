"""Reads what a client sends: headers that mean something here, and a body that is neither too large nor too slow."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import secrets
from typing import NamedTuple

from slipway_kit.answers import Answer, Message, Receive, Scope, fault
from slipway_kit.planning.entry import Priority, Reason, RefusedError
from slipway_kit.planning.planner import Planner
from slipway_kit.requests import RequestHeaders
from slipway_kit.settings import Settings

GONE = "slipway.gone"
"""An ASGI extension of our server: a function that is given what to call when the client goes (server.py)."""
LATE = "slipway.late"
"""Another: set when a connection was cut because its request took too long to arrive."""

_JSON = b"application/json"
_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}\Z")
_PRIORITIES = {each.name.lower().encode(): each for each in Priority}
_made = itertools.count()
_process = secrets.token_hex(6).encode()


class BadRequestError(Exception):
    """The request is answered with what is wrong with it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class GoneError(Exception):
    """The client went."""


class Head(NamedTuple):
    """What the headers of a prediction say."""

    id: str
    priority: Priority
    budget: float
    """Seconds from arrival; infinite where the client says nothing."""
    length: int | None
    """Of the body in bytes, where it is said beforehand."""


def head(pairs: RequestHeaders, settings: Settings) -> Head:
    """Read the headers.

    Raises:
        BadRequestError: A header says what cannot be.
    """
    headers: dict[bytes, bytes] = dict(pairs)
    kind = headers.get(b"content-type")
    if kind is not None and kind != _JSON and kind.partition(b";")[0].strip().lower() != _JSON:
        raise BadRequestError(fault(415, "media_type", "the body must be application/json"))
    length = headers.get(b"content-length")
    announced = int(length) if length is not None and length.isdigit() else None
    if announced is not None and announced > settings.max_body_bytes:
        raise BadRequestError(too_large(settings))
    return Head(
        _id(headers.get(b"x-request-id")).decode(),
        _priority(headers.get(b"x-slipway-priority")),
        _budget(headers.get(b"x-slipway-deadline-ms")),
        announced,
    )


def glance(pairs: RequestHeaders) -> tuple[Priority, bytes]:
    """Priority and id of a request that is refused whatever else it says; a wrong priority is the lowest."""
    headers: dict[bytes, bytes] = dict(pairs)
    said = headers.get(b"x-slipway-priority", b"normal")
    return _PRIORITIES.get(said, Priority.LOW), _id(headers.get(b"x-request-id"))


async def body_of(scope: Scope, receive: Receive, settings: Settings, planner: Planner) -> bytes:
    """Receive the whole body.

    Raises:
        BadRequestError: It is too large, or takes too long.
        GoneError: The client went.
        RefusedError: There is no room for it.
    """
    extensions = scope.get("extensions") or {}
    try:
        if GONE in extensions:  # our server, which takes the time itself, and at less cost
            return await _received(receive, settings, planner)
        async with asyncio.timeout(settings.receive_seconds):
            return await _received(receive, settings, planner)
    except TimeoutError:
        raise _too_slow(settings) from None
    except GoneError:
        if LATE in extensions:
            raise _too_slow(settings) from None
        raise


def too_large(settings: Settings) -> Answer:
    """For a body beyond the limit; what is left of it is not read."""
    return fault(413, "body_too_large", f"a body may have {settings.max_body_bytes} bytes", closes=True)


def _too_slow(settings: Settings) -> BadRequestError:
    limit = f"the request did not arrive within {settings.receive_seconds:g} s"
    return BadRequestError(fault(408, "too_slow", limit, closes=True))


async def _received(receive: Receive, settings: Settings, planner: Planner) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > settings.max_body_bytes:
            raise BadRequestError(too_large(settings))
        return body
    return await _in_parts(message, receive, settings, planner)


async def _in_parts(message: Message, receive: Receive, settings: Settings, planner: Planner) -> bytes:
    """A body that comes in parts. Those are counted against the queue's room, so that many slow ones stay bounded."""
    parts: list[bytes] = []
    size = 0
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise GoneError
            part: bytes = message.get("body", b"")
            size += len(part)
            planner.bytes_elsewhere += len(part)
            parts.append(part)
            if size > settings.max_body_bytes:
                raise BadRequestError(too_large(settings))
            if planner.queue.bytes + planner.bytes_elsewhere > settings.queue_bytes:
                raise RefusedError(Reason.BYTES_FULL, settings.objective)
            if not message.get("more_body", False):
                return b"".join(parts)
            message = await receive()
    finally:
        planner.bytes_elsewhere -= size


def _id(given: bytes | None) -> bytes:
    return given if given is not None and _ID.match(given) else b"%b-%x" % (_process, next(_made))


def _priority(value: bytes | None) -> Priority:
    if value is None:
        return Priority.NORMAL
    priority = _PRIORITIES.get(value)
    if priority is None:
        accepted = "x-slipway-priority is high, normal or low"
        raise BadRequestError(fault(400, "bad_header", accepted))
    return priority


def _budget(value: bytes | None) -> float:
    if value is None:
        return math.inf
    try:
        milliseconds = float(value)
    except ValueError:
        milliseconds = math.nan
    if not 0 < milliseconds < math.inf:
        accepted = "x-slipway-deadline-ms is a number of milliseconds above 0"
        raise BadRequestError(fault(400, "bad_header", accepted))
    return milliseconds / 1000
