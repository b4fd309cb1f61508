"""A real Redis on a loopback port, which a test may kill and start again."""

import os
import signal
import socket
import subprocess
import time

import pytest

from slipway.engines.locate import locate
from slipway.engines.table import engine
from tests.ports import free_port


class RedisServer:
    """It keeps nothing on disk: after a restart it is empty."""

    def __init__(self) -> None:
        self.port = free_port()
        found = locate(engine("redis-check-rdb")).found
        if found is None:
            pytest.skip("needs Redis (Debian's redis-tools), which only root may install: `slipway engines build`")
        self._program = found.path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        # The program looks at the name it was started by, to know which of its two it is to be.
        argv = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(argv, executable=self._program, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while self.said("PING") != "+PONG":
            assert self._process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def said(self, *words: str) -> str:
        """The first line of the answer to a command; nothing without an answer."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(" ".join(words).encode() + b"\r\n")
                return connection.recv(4096).decode().split("\r\n", 1)[0]
        except OSError:
            return ""

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """As the kernel would, and with no word to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
