"""A server that does as it is told, to see what the generator makes of it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Answering:
    """A running server.

    Attributes:
        answer: Gives status and body of the request with that number and head; may take its time, and everybody waits.
        port: Where it listens.
        heads: Of the requests that came, in order.
        transports: Of every connection that was made.
    """

    answer: Callable[[int, str], tuple[int, str]]
    port: int = 0
    heads: list[str] = field(default_factory=list)
    transports: list[asyncio.Transport] = field(default_factory=list)

    def reply(self, head: str) -> bytes:
        self.heads.append(head)
        status, body = self.answer(len(self.heads), head)
        return f"HTTP/1.1 {status} As Told\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


class _Connection(asyncio.Protocol):
    def __init__(self, of: Answering) -> None:
        self._of = of
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._of.transports.append(transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if end and length and len(rest) >= int(length[1]):
            self._received = b""
            reply = self._of.reply(head.decode())
            assert self._transport is not None
            if reply.startswith(b"HTTP/1.1 0 "):
                self._transport.abort()
            else:
                self._transport.write(reply)


@contextlib.contextmanager
def answering(answer: Callable[[int, str], tuple[int, str]]) -> Iterator[Answering]:
    """Have it run in a thread; a status of 0 ends the connection without an answer."""
    server = Answering(answer)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await loop.create_server(lambda: _Connection(server), "127.0.0.1", 0)

    async def end() -> None:
        await asyncio.sleep(0.05)  # what was just accepted becomes a transport, which it cannot after the next line
        listening.close()
        for transport in server.transports:
            transport.abort()
        await asyncio.sleep(0.05)  # they are told

    listening = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def stalls(at: int, seconds: float) -> Callable[[int, str], tuple[int, str]]:
    """Answer rightly, and let everybody wait once, at the request of that number."""

    def answer(number: int, _: str) -> tuple[int, str]:
        if number == at:
            time.sleep(seconds)
        return 200, '{"digit": 7}'

    return answer
