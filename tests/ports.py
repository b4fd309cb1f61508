"""Ports of the loopback that nobody listens at, for servers that are told theirs and for addresses without one."""

import contextlib
import random
import socket

_LOWEST, _CLIENTS = 12_000, 30_000
"""Below those that the kernel gives clients (ip_local_port_range): what is free stays free until it is listened on."""


def free_port(in_a_row: int = 1) -> int:
    """The first of so many ports in a row that are free."""
    while True:
        port = random.randrange(_LOWEST, _CLIENTS)  # noqa: S311  # no secret
        with contextlib.suppress(OSError), contextlib.ExitStack() as taken:
            for each in range(port, port + in_a_row):
                taken.enter_context(socket.create_server(("127.0.0.1", each)))
            return port
