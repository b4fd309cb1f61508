"""The door between the machine and an instance: loopback ports here, addresses there.

It opens its sockets on the machine's loopback, then enters the instance's network and mounts, where names of
Services resolve, and carries bytes. Run by the supervisor as `python -m slipway.embedded.door PORT=HOST:PORT …`. With
`--here` before them it enters nothing, and `PORT=NAME@FILE` leads to one of the addresses of NAME in a file of JSON.
"""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
from pathlib import Path

from slipway.embedded.kernel import Namespace, setns
from slipway.embedded.machine import READY_FD

_CHUNK = 256 * 1024


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until it ends, and pass the end on."""
    with contextlib.suppress(ConnectionError, TimeoutError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()


def place_of(target: str) -> tuple[str, int]:
    """Host and port that a connection is carried to.

    Raises:
        OSError: There is nobody.
    """
    name, is_named, file = target.partition("@")
    if is_named:
        there = json.loads(Path(file).read_text()).get(name)
        if not there:
            msg = f"nobody answers for {name}"
            raise ConnectionRefusedError(msg)
        target = secrets.choice(there)
    host, _, port = target.rpartition(":")
    return host, int(port)


async def serve(listener: socket.socket, target: str) -> asyncio.Server:
    """Carry every connection of a listening socket to where its target is."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            host, port = place_of(target)
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
        for end in (writer, far_writer):
            end.close()

    return await asyncio.start_server(connected, sock=listener)


async def run(doors: list[tuple[socket.socket, str]]) -> None:
    """Serve until told to end."""
    servers = [await serve(*door) for door in doors]
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    for server in servers:
        server.close()


def main() -> None:
    """Listen here, enter there, tell readiness, serve."""
    words = sys.argv[1:]
    stays = words[:1] == ["--here"]
    doors: list[tuple[socket.socket, str]] = []
    for word in words[stays:]:
        port, _, target = word.partition("=")
        doors.append((socket.create_server(("127.0.0.1", int(port)), backlog=256), target))
    if not stays:
        _enter()
    ready = int(os.environ.pop(READY_FD))
    os.write(ready, b"ready")
    os.close(ready)
    asyncio.run(run(doors))


def _enter() -> None:
    """Go where the instance is."""
    # In the instance's PID namespace, its first process is process 1 — whatever its pid is on the machine.
    first = os.pidfd_open(1)
    setns(first, Namespace.NETWORK | Namespace.MOUNT)
    os.close(first)


if __name__ == "__main__":
    main()
