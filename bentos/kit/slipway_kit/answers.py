"""What is sent back: bodies and headers, ready for ASGI."""

from __future__ import annotations

import http
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

import msgspec

from slipway_kit.model import ItemError, OutputsError
from slipway_kit.planning.entry import Reason, RefusedError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

RESPOND = "slipway.respond"
"""An ASGI extension of our server: sends a whole response, unless the client does not read what was sent before."""

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus}
JSON: Headers = ((b"content-type", b"application/json"),)
_JSON_HEADS = {status: line + b"content-type: application/json\r\n" for status, line in _STATUS_LINES.items()}
"""As nearly all answers begin."""
_CLOSE: Headers = ((b"connection", b"close"),)
_MESSAGES = {
    Reason.QUEUE_FULL: "as many items wait as may; try again later",
    Reason.BYTES_FULL: "what waits has as many bytes as it may; try again later",
    Reason.DEADLINE_UNREACHABLE: "this cannot be answered in time; try again later",
    Reason.DEADLINE_PASSED: "its deadline passed while it waited; try again later",
    Reason.DISPLACED: "a request of higher priority took its place; try again later",
    Reason.OVERLOADED: "more requests come than this replica can read; try again later",
    Reason.ITEM_TOO_LARGE: "an item is larger than a batch may be; send a smaller one",
    Reason.STARTING: "the model is being loaded; try again later",
    Reason.DRAINING: "this replica is about to end; try again, another one will answer",
}


class Fault(msgspec.Struct, frozen=True):
    """Why there is no answer."""

    reason: str
    """For machines."""
    message: str
    """For people."""
    retry_after_ms: int | msgspec.UnsetType = msgspec.UNSET
    """After which the same request is expected to be admitted."""


class Refusal(msgspec.Struct, frozen=True):
    """The body of every answer that is none."""

    error: Fault


class Answer(NamedTuple):
    """A response."""

    status: int
    body: bytes
    headers: Headers = JSON
    closes: bool = False
    """Whether the connection ends with it, since the rest of its body is not wanted."""

    def head(self, more: Headers = ()) -> bytes:
        """The status line and the headers, as HTTP/1.1 has them, without the empty line behind them."""
        if self.headers is JSON:
            lines, others = [_JSON_HEADS[self.status]], more
        else:
            lines, others = [_STATUS_LINES[self.status]], (*self.headers, *more)
        lines += [b"%b: %b\r\n" % header for header in others]
        lines.append(b"content-length: %d\r\n" % len(self.body))
        return b"".join(lines)

    async def send(self, scope: Scope, send: Send, more: Headers = (), *, closes: bool = False) -> None:
        """Write it; `closes` also ends the connection."""
        respond = (scope.get("extensions") or {}).get(RESPOND)
        if respond is not None and respond(self.head(more), self.body, closes=closes or self.closes):
            return
        headers = (*self.headers, *more, (b"content-length", b"%d" % len(self.body)))
        if closes or self.closes:
            headers += _CLOSE
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def fault(status: int, reason: str, message: str, *, closes: bool = False) -> Answer:
    """An answer that says what is wrong."""
    body = msgspec.json.encode(Refusal(Fault(reason, message)))
    return Answer(status, body, closes=closes)


def written(value: Any, encode: Callable[[Any], bytes]) -> bytes:
    """What a model gave, as JSON.

    Raises:
        OutputsError: There is none of it.
    """
    try:
        return encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputsError(f"an output cannot be written as JSON: {error}") from error


def result(output: Any) -> dict[str, Any] | Refusal:
    """One of the results that a request with several items gets."""
    if isinstance(output, ItemError):
        return Refusal(Fault(output.reason, output.message))
    return {"output": output}


def retry_after(milliseconds: int) -> tuple[bytes, bytes]:
    """The header, in whole seconds."""
    return (b"retry-after", b"%d" % math.ceil(milliseconds / 1000))


def refused(error: RefusedError) -> Answer:
    """429 for what this replica has no time for, 503 while it starts or ends, 413 for what it never will answer."""
    message = _MESSAGES[error.reason]
    if error.reason is Reason.ITEM_TOO_LARGE:
        return fault(413, error.reason, message)
    milliseconds = max(1, math.ceil(error.retry_after * 1000))
    body = msgspec.json.encode(Refusal(Fault(error.reason, message, milliseconds)))
    status = 503 if error.reason in (Reason.STARTING, Reason.DRAINING) else 429
    return Answer(status, body, (*JSON, retry_after(milliseconds)))
