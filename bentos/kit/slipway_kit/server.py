"""The production server: uvicorn, with guards where it has none, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from slipway_kit.answers import RESPOND
from slipway_kit.application import Application, State
from slipway_kit.incoming import GONE, LATE
from slipway_kit.settings import Settings

_TOO_LARGE = b"431 Request Header Fields Too Large"


def protocol(settings: Settings) -> type[HttpToolsProtocol]:
    """The protocol of a connection as uvicorn has it, with limits: on headers, and on the time a request takes to come.

    It bounds neither: a client that sends one header for ever would hold a connection and its memory. This one also
    tells the application that a client has gone, without a task for each request that waits for it.
    """

    class Guarded(HttpToolsProtocol):
        _limit: asyncio.TimerHandle | None = None
        _is_receiving = True
        _is_in_headers = True
        _header_bytes = 0
        _heads = 0
        _is_large_chunk = _is_too_large = False
        _gone: Callable[[], object] | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._extensions: dict[str, Any] = {}
            self._limit = self.loop.call_later(settings.receive_seconds, self._too_slow)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._unlimit()
            gone, self._gone = self._gone, None
            if gone is not None:
                gone()

        def data_received(self, data: bytes) -> None:
            heads = self._heads
            self._is_large_chunk = len(data) > settings.max_header_bytes
            super().data_received(data)
            if self.transport.is_closing() or (self._limit is not None and not self._is_in_headers):
                return
            if not self._is_receiving:
                # Bytes between requests that are of none: uvicorn has stopped its clock for idle connections by now.
                if self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete):
                    self._limit = self._limit or self.loop.call_later(settings.receive_seconds, self._too_slow)
                return
            # A request that has come whole, as nearly all do, has cost no timer.
            if self._limit is None:
                self._limit = self.loop.call_later(settings.receive_seconds, self._too_slow)
            if self._is_in_headers and heads == self._heads:
                self._header_bytes += len(data)
                if self._header_bytes > settings.max_header_bytes:
                    self._cut(_TOO_LARGE)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._is_receiving = self._is_in_headers = True
            self._header_bytes = 0

        def on_headers_complete(self) -> None:
            if self._is_large_chunk and _size(self.headers) > settings.max_header_bytes:
                self._is_too_large = True
                raise ValueError  # httptools has the protocol then send 400
            self._is_in_headers = False
            self._heads += 1
            super().on_headers_complete()
            self._extensions = {GONE: self._subscribe, RESPOND: partial(self._respond, self.cycle)}
            self.scope["extensions"] = self._extensions

        def on_message_complete(self) -> None:
            self._is_receiving = False
            self._unlimit()
            super().on_message_complete()

        def send_400_response(self, msg: str) -> None:
            if self._is_too_large:
                self._cut(_TOO_LARGE)
            else:
                super().send_400_response(msg)

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
            end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
            self.transport.write(head + end + (body if cycle.scope["method"] != "HEAD" else b""))
            cycle.message_event.set()
            if not cycle.keep_alive:
                self.transport.close()
            cycle.on_response()
            return True

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

    return Guarded


class Server(uvicorn.Server):
    """Ends in order: first unready, then closed to new connections, then with everything answered."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._application = application
        self._is_leaving = False
        application.on_failure = self._stop
        application.on_ready = _settle

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """In place of uvicorn's, which raises the signal once more at the end: a drained server ends with status 0."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        loop.add_signal_handler(signal.SIGINT, self._stop)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_signal_handler(signal.SIGINT)

    def _leave(self) -> None:
        self._application.leave()
        if self._is_leaving:
            return
        self._is_leaving = True
        asyncio.get_running_loop().call_later(self._application.settings.drain_delay_seconds, self._stop)

    def _stop(self) -> None:
        self._application.leave()
        self.should_exit = True


def serve(application: Application) -> int:
    """Serve until a signal ends it.

    Returns:
        0 if everything that came was answered; 1 if something was lost, or the model could not be loaded.
    """
    settings = application.settings
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=protocol(settings),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_seconds,
    )
    config.timeout_graceful_shutdown = _seconds_left(settings)
    server = Server(config, application)
    try:
        server.run()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 1 if application.state is State.FAILED or application.unanswered else 0


def _seconds_left(settings: Settings) -> Any:
    """After the listeners are closed; uvicorn's type says whole seconds, its code takes any."""
    return settings.drain_seconds - settings.drain_delay_seconds


def _size(headers: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)


def _settle() -> None:
    """What is loaded now stays: the collector need not look through it again, which takes tens of milliseconds."""
    gc.collect()
    gc.freeze()
