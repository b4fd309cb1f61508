"""A turn of the event loop that has no time for all it reads, with real connections."""

import asyncio
import contextlib
import socket

import pytest
import uvicorn
import uvloop
from slipway_kit.application import application
from slipway_kit.planning.entry import Priority
from slipway_kit.planning.reading import Reading
from slipway_kit.protocol import protocol
from slipway_kit.settings import Settings
from uvicorn.server import ServerState

from tests.bentos.kit.asked import started, until
from tests.bentos.kit.builders import Doubling

REQUEST = b'POST /predict HTTP/1.1\r\nhost: here\r\ncontent-length: 11\r\n\r\n{"value":2}'


def answered(client: socket.socket) -> bytes:
    """The status of the answer that this client could read now; nothing if there is none."""
    try:
        return client.recv(4096, socket.MSG_PEEK | socket.MSG_DONTWAIT)[9:12]
    except BlockingIOError:
        return b""


def test_what_was_admitted_is_answered_before_the_turn_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three requests that come together, the first is admitted; what can be read when the third is looked at."""
    clients: list[socket.socket] = []
    seen: list[list[bytes]] = []

    def admits(_: Reading, priority: Priority, elapsed: float, number: int) -> bool:  # noqa: ARG001
        if number == 3:
            seen.append(sorted(answered(each) for each in clients))
        return number == 1

    monkeypatch.setattr(Reading, "admits", admits)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        app = application(Doubling, Settings(execution="inline"))
        await started(app)
        made = protocol(app)
        config = uvicorn.Config(app, http=made, log_config=None)
        config.load()
        state = ServerState()
        server = await loop.create_server(
            lambda: made(config=config, server_state=state, app_state={}, _loop=loop), "127.0.0.1", 0
        )
        with contextlib.ExitStack() as opened:
            address = server.sockets[0].getsockname()
            clients.extend(opened.enter_context(socket.create_connection(address)) for _ in range(3))
            await until(lambda: len(state.connections) == 3)
            for each in clients:
                each.sendall(REQUEST)
            await until(lambda: all(map(answered, clients)))
            assert sorted(map(answered, clients)) == [b"200", b"429", b"429"]
            server.close()
            for connection in state.connections:
                connection.transport.abort()
        await app.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(run(), 30))
    assert seen[0] == [b"", b"200", b"429"]
