"""The container's command, as a process on the loopback that a test starts, asks, and ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

from slipway.paths import REPOSITORY
from tests.ports import free_port

KIT = REPOSITORY / "bentos" / "kit"
MODELS = Path(__file__).with_name("serving_models.py")
SECONDS = 30.0


def status(client: httpx.Client, path: str = "/readyz") -> int:
    """What is said of a path; 0 while nobody listens."""
    try:
        return client.get(path).status_code
    except httpx.TransportError:
        return 0


class Served:
    """A server that is started, asked, and ended."""

    def __init__(
        self, target: str, folder: Path, *, code: Path | None = None, store: Path | None = None, **settings: Any
    ) -> None:
        self.folder = folder
        self.port = free_port()
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(KIT), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {"SLIPWAY_HOST": "127.0.0.1", "SLIPWAY_PORT": str(self.port), "SLIPWAY_OBJECTIVE_MS": "10000"}
        environment["SLIPWAY_EXECUTION"] = "thread"  # the example is quicker than what these tests ask
        environment |= {"BENTOML_HOME": str(store)} if store else {}
        environment |= {f"SLIPWAY_{name.upper()}": str(value) for name, value in settings.items()}
        self.errors = (folder / "errors").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "slipway_kit", target],
            cwd=code or folder,
            env=environment,
            stderr=self.errors,
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=SECONDS)

    def until(self, condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < ends, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.01)

    def status(self, path: str) -> int:
        return status(self.client, path)

    def ready(self) -> "Served":
        self.until(lambda: self.status("/readyz") == 200)
        return self

    def predict(self, ms: float, note: str = "") -> httpx.Response:
        return self.client.post("/predict", json={"ms": ms, "note": note})

    def metric(self, name: str) -> float:
        return next(
            float(line.rpartition(" ")[2])
            for line in self.client.get("/metrics").text.splitlines()
            if line.startswith(name + " ")
        )

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)

    @property
    def connections(self) -> int:
        """Those that the server has open, of whatever state."""
        return sum(bool(each.raddr) for each in psutil.Process(self.process.pid).net_connections("tcp"))

    @property
    def resident_bytes(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    @property
    def computed(self) -> list[str]:
        file = self.folder / "computed"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def said(self) -> str:
        return (self.folder / "errors").read_text()

    def close(self) -> None:
        self.client.close()
        self.errors.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)


def received(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)
