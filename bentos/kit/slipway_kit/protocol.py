"""A connection: uvicorn's protocol, with guards where it has none, and a short way for what nearly all requests are.

A prediction whose bytes have come all at once is answered from here, without a task, a scope and two messages for it.
Everything else (a body in parts, a request behind another, `Expect`, other paths) goes through ASGI, to the same code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from slipway_kit.answers import RESPOND, Answer, Headers
from slipway_kit.application import Application
from slipway_kit.incoming import GONE, LATE, too_large
from slipway_kit.listening import Listener
from slipway_kit.predicting import Prediction, Predictions
from slipway_kit.settings import Settings

_TOO_LARGE = b"431 Request Header Fields Too Large"
_LINGER_SECONDS = 2.0
"""For which a client whose request is not wanted may go on sending, before the connection is reset."""
_BEHIND = 100
"""Requests that may wait behind one on a connection; one more ends it. A packet can bring thousands of empty ones."""
_CLOSE = b"connection: close\r\n"


class Guarded(HttpToolsProtocol):
    """Bounds headers, requests behind one another, and the time to send and to read; and tells of clients that go.

    uvicorn bounds none of these: a client that sends one header for ever would hold a connection and its memory, and
    one that sends requests without reading answers, ever more of it.
    """

    application: ClassVar[Application]
    settings: ClassVar[Settings]
    listener: ClassVar[Listener | None] = None

    _limit: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    """Runs while a client does not read what it was sent."""
    _is_receiving = True
    _is_in_headers = True
    _header_bytes = 0
    _heads = 0
    _is_large_chunk = _is_too_large = _is_too_much = _is_lingering = False
    _gone: Callable[[], object] | None = None
    _whole: list[bytes] | None = None
    """The body, of a request that may be answered from here."""
    _predictions: Predictions | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As asyncio has it."""
        super().connection_made(transport)
        if self.listener is not None:
            self.listener.accepted()
        self._extensions: dict[str, Any] = {}
        self._limit = self.loop.call_later(self.settings.receive_seconds, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio has it."""
        super().connection_lost(exc)
        self._unlimit()
        self.resume_writing()
        gone, self._gone = self._gone, None
        if gone is not None:
            gone()

    def data_received(self, data: bytes) -> None:
        """As asyncio has it."""
        if self._is_lingering:
            return
        heads = self._heads
        self._is_large_chunk = len(data) > self.settings.max_header_bytes
        super().data_received(data)
        if self._whole is not None:  # it has not come whole
            parts, self._whole = self._whole, None
            if not self.transport.is_closing():
                self._enter_asgi()
                for part in parts:
                    super().on_body(part)
        if self.transport.is_closing() or (self._limit is not None and not self._is_in_headers):
            return
        if not self._is_receiving:
            # Bytes between requests that are of none: uvicorn has stopped its clock for idle connections by now.
            if self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete):
                self._limit = self._limit or self.loop.call_later(self.settings.receive_seconds, self._too_slow)
            return
        # A request that has come whole, as nearly all do, has cost no timer.
        if self._limit is None:
            self._limit = self.loop.call_later(self.settings.receive_seconds, self._too_slow)
        if self._is_in_headers and heads == self._heads:
            self._header_bytes += len(data)
            if self._header_bytes > self.settings.max_header_bytes:
                self._cut(_TOO_LARGE)

    def eof_received(self) -> None:
        """As asyncio has it."""
        if self._is_lingering:
            self.transport.abort()

    def pause_writing(self) -> None:
        """As asyncio has it."""
        super().pause_writing()
        self._watch_unread()

    def resume_writing(self) -> None:
        """As asyncio has it."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _watch_unread(self) -> None:
        left = self.transport.get_write_buffer_size()

        def look() -> None:
            if self.transport.get_write_buffer_size() < left:  # it reads, if slowly
                self._watch_unread()
            else:
                self.transport.abort()

        self._unread = self.loop.call_later(self.settings.receive_seconds, look)

    def on_message_begin(self) -> None:
        """As httptools has it."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._is_receiving = self._is_in_headers = True
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        """As httptools has it."""
        if self._is_large_chunk and _size(self.headers) > self.settings.max_header_bytes:
            self._is_too_large = True
            raise ValueError  # httptools has the protocol then send 400
        if len(self.pipeline) == _BEHIND:
            self._is_too_much = True
            raise ValueError
        self._is_in_headers = False
        self._heads += 1
        self._predictions = self._direct()
        if self._predictions is None:
            self._enter_asgi()
        else:
            self._whole = []

    def on_body(self, body: bytes) -> None:
        """As httptools has it."""
        if self._whole is not None:
            self._whole.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """As httptools has it."""
        self._is_receiving = False
        self._unlimit()
        if self._whole is not None and self._predictions is not None:
            parts, self._whole = self._whole, None
            self._predict(self._predictions, parts[0] if len(parts) == 1 else b"".join(parts))
        else:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """As uvicorn has it: for what is no HTTP."""
        if self._is_too_much:
            self.transport.abort()  # whatever is said would be taken for the answer to the first that waits
        elif self._is_too_large:
            self._cut(_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _direct(self) -> Predictions | None:
        """What answers this request without ASGI, if anything may."""
        is_free = (self.cycle is None or self.cycle.response_complete) and not self.pipeline
        if (
            not is_free
            or self.flow.write_paused  # ASGI's `send` waits for a client that does not read
            or self.expect_100_continue
            or self.parser.get_method() != b"POST"
            or self.parser.should_upgrade()
            or self.parser.get_http_version() != "1.1"
        ):
            return None
        return self.application.direct(self.url)

    def _predict(self, predictions: Predictions, body: bytes) -> None:
        exchange = _Exchange(keeps_alive=self.parser.should_keep_alive())
        self.cycle = exchange  # type: ignore[assignment]  # it has what a protocol asks of a cycle
        route = self.url.decode()
        refusal = predictions.crowded_out(route, self.headers)
        if refusal is not None:
            self._write(exchange, *refusal)
            return
        prediction = Prediction(predictions, route, partial(self._reply, exchange))
        if not prediction.enter(self.headers):
            return
        if len(body) > self.settings.max_body_bytes:
            self._reply(exchange, *prediction.ended(too_large(self.settings)))
            return
        self._gone = prediction.gone
        prediction.ask(body)

    def _reply(self, exchange: _Exchange, answer: Answer, more: Headers) -> None:
        if exchange.disconnected or exchange.response_complete:
            return
        self._gone = None
        if answer.closes:
            exchange.keep_alive = False
        self._write(exchange, answer.head(more), answer.body)

    def _write(self, exchange: _Exchange, head: bytes, body: bytes) -> None:
        exchange.response_started = exchange.response_complete = True
        if self.application.is_leaving:
            exchange.keep_alive = False
        self.transport.write(b"".join((head, b"" if exchange.keep_alive else _CLOSE, b"\r\n", body)))
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _enter_asgi(self) -> None:
        """Do what uvicorn does with every request: it makes a scope when one begins, which most need not have."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers[:] = headers
        super().on_headers_complete()
        self._extensions = {GONE: self._subscribe, RESPOND: partial(self._respond, self.cycle)}
        self.scope["extensions"] = self._extensions

    def _respond(self, cycle: RequestResponseCycle, head: bytes, body: bytes, *, closes: bool) -> bool:
        """What `RequestResponseCycle.send` does in two calls, in one: half the system calls, and half the time."""
        if cycle.response_started or self.flow.write_paused:
            return False
        if cycle.disconnected:
            return True
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        if closes:
            cycle.keep_alive = False
        end = b"\r\n" if cycle.keep_alive else _CLOSE + b"\r\n"
        self.transport.write(head + end + (body if cycle.scope["method"] != "HEAD" else b""))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self._close(is_all_read=not cycle.more_body)
        cycle.on_response()
        return True

    def _close(self, *, is_all_read: bool) -> None:
        """Close; where the client still sends, let it read first what it was told.

        With bytes unread, the kernel answers a close with a reset, which discards what the client has not read.
        """
        if is_all_read or self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._is_lingering = True
        self._unlimit()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._limit = self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def _subscribe(self, gone: Callable[[], object] | None) -> None:
        self._gone = gone

    def _too_slow(self) -> None:
        self._limit = None
        self._extensions[LATE] = True
        self._cut(b"408 Request Timeout")

    def _cut(self, status: bytes) -> None:
        self._unlimit()
        if self.transport.is_closing():
            return
        if self._is_in_headers or not self.cycle.response_started:
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()

    def _unlimit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


class _Exchange:
    """A request and its answer, for a protocol that expects uvicorn's cycle."""

    __slots__ = ("disconnected", "keep_alive", "response_complete", "response_started")

    more_body = False
    message_event = asyncio.Event()
    """Set by the protocol, waited for by nobody."""

    def __init__(self, *, keeps_alive: bool) -> None:
        self.keep_alive = keeps_alive
        self.disconnected = self.response_started = self.response_complete = False


def protocol(application: Application) -> type[Guarded]:
    """The protocol of the connections of an application."""
    return type("Protocol", (Guarded,), {"application": application, "settings": application.settings})


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)
