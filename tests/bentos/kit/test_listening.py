"""How fast connections are taken in."""

import asyncio
import contextlib
import socket

import uvloop
from slipway_kit.listening import Listener

CLIENTS = 100


def turns_until_all_are_in(*, listens: bool) -> int:
    """Turns of the event loop in which as many clients are taken in as wait for it."""

    async def run() -> int:
        loop = asyncio.get_running_loop()
        made: list[asyncio.BaseTransport] = []

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.append(transport)
                if listener is not None:
                    listener.accepted()

        listening = socket.create_server(("127.0.0.1", 0), backlog=CLIENTS)
        listening.settimeout(0)
        listener = Listener(listening, Protocol) if listens else None
        server = await loop.create_server(Protocol, sock=listening)
        with contextlib.ExitStack() as clients:
            for _ in range(CLIENTS):
                clients.enter_context(socket.create_connection(listening.getsockname()))
            turns = 0
            while len(made) < CLIENTS:
                turns += 1
                await asyncio.sleep(0)
            for each in made:
                each.close()
            server.close()
            await server.wait_closed()
        return turns

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(asyncio.wait_for(run(), 30))


def test_all_who_wait_are_taken_in_together() -> None:
    assert turns_until_all_are_in(listens=True) <= 10


def test_alone_the_event_loop_takes_one_a_turn() -> None:
    """When this fails, uvloop takes them in together, and `listening.py` is of no use any more."""
    assert turns_until_all_are_in(listens=False) >= CLIENTS
