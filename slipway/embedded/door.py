"""The door between the machine and an instance: loopback ports here, addresses there.

It opens its sockets on the machine's loopback, then enters the instance's network and mounts, where names of
Services resolve, and carries bytes. Run by the supervisor as `python -m slipway.embedded.door PORT=HOST:PORT …`.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys

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


async def serve(listener: socket.socket, host: str, port: int) -> asyncio.Server:
    """Carry every connection of a listening socket to one address."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
        for end in (writer, far_writer):
            end.close()

    return await asyncio.start_server(connected, sock=listener)


async def run(doors: list[tuple[socket.socket, str, int]]) -> None:
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
    doors: list[tuple[socket.socket, str, int]] = []
    for word in sys.argv[1:]:
        port, _, target = word.partition("=")
        host, _, far_port = target.rpartition(":")
        listener = socket.create_server(("127.0.0.1", int(port)), backlog=256)
        doors.append((listener, host, int(far_port)))
    # In the instance's PID namespace, its first process is process 1 — whatever its pid is on the machine.
    first = os.pidfd_open(1)
    setns(first, Namespace.NETWORK | Namespace.MOUNT)
    os.close(first)
    ready = int(os.environ.pop(READY_FD))
    os.write(ready, b"ready")
    os.close(ready)
    asyncio.run(run(doors))


if __name__ == "__main__":
    main()
