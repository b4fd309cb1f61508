"""The production server: uvicorn, and an end that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from slipway_kit.application import Application, State
from slipway_kit.listening import Listener
from slipway_kit.protocol import Guarded, protocol
from slipway_kit.settings import Settings


class Server(uvicorn.Server):
    """Ends in order: first unready, then closed to new connections, then with everything answered."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._application = application
        self._is_leaving = False
        application.on_failure = self._stop
        application.on_ready = _settle

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn has it."""
        await super().startup(sockets)
        made: type[Guarded] = self.config.http_protocol_class  # type: ignore[assignment]
        loop = asyncio.get_running_loop()

        def make() -> Guarded:
            return made(config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop)

        for listening in sockets or []:
            made.listener = Listener(listening, make)

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
        http=protocol(application),
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
        server.run([config.bind_socket()])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 1 if application.state is State.FAILED or application.unanswered else 0


def _seconds_left(settings: Settings) -> Any:
    """After the listeners are closed; uvicorn's type says whole seconds, its code takes any."""
    return settings.drain_seconds - settings.drain_delay_seconds


def _settle() -> None:
    """What is loaded now stays: the collector need not look through it again, which takes tens of milliseconds."""
    gc.collect()
    gc.freeze()
