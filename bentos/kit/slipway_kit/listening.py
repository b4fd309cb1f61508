"""Takes in new connections as fast as they come.

libuv, and uvloop with it, accepts one connection in a turn of the event loop (since 1.45). A turn takes longer the more
is to be done, so that under load new clients would wait outside for seconds, unread and with nobody to refuse them.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

_AT_ONCE = 32
"""Connections that are taken in together, at most; one costs about as much as a request."""


class Listener:
    """Takes in, with each connection that the event loop accepts, those that wait behind it.

    Args:
        listening: Does not block.
        make: The protocol of a connection.
    """

    def __init__(self, listening: socket.socket, make: Callable[[], asyncio.Protocol]) -> None:
        self._listening = listening
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._is_done = False
        """In this turn of the event loop."""
        self._tasks: set[asyncio.Task[object]] = set()

    def accepted(self) -> None:
        """A connection was made."""
        if self._is_done:
            return
        self._is_done = True
        self._loop.call_soon(self._turned)
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except OSError:  # nobody waits; or no file is left, which the event loop finds out and tells
                return
            connection.settimeout(0)
            task = self._loop.create_task(self._take(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, connection)
        except OSError:  # it has gone again
            connection.close()

    def _turned(self) -> None:
        self._is_done = False
