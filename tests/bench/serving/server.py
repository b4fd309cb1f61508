"""Starts a peer on its core, sees that it answers rightly, measures what it takes, and ends all its processes."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from slipway.errors import LoadError
from slipway.load.generating import pinned
from slipway.load.plan import Payload
from slipway.paths import REPOSITORY
from tests.bench.serving.fixtures import Fixture
from tests.bench.serving.peers.table import Peer
from tests.ports import free_port

_READY_SECONDS = 120.0
_END_SECONDS = 15.0
_SAMPLE_SECONDS = 1.0
_CALM_SECONDS = 20.0
_CALM_ANSWERS = 3
_MEBIBYTE = 1 << 20


class Server:
    """A running peer.

    Attributes:
        port: Where it listens on the loopback.
        memory: MiB of all its processes, sampled every second; what they share is counted once.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.port = port
        self.memory: list[float] = []
        self._process = psutil.Process(process.pid)
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def watch(self) -> None:
        """Begin to sample memory."""
        self._sampler.start()

    def unwatch(self) -> None:
        """End sampling."""
        self._ended.set()
        if self._sampler.is_alive():
            self._sampler.join()

    def processes(self) -> list[psutil.Process]:
        """All of its processes."""
        try:
            return [self._process, *self._process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def cpu(self) -> float:
        """Seconds of processor time that all of its processes have taken."""
        seconds = 0.0
        for each in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                seconds += times.user + times.system
        return seconds

    def calm(self, payload: Payload, objective: float) -> None:
        """Wait until it is idle: three answers in a row within half of the objective, for 20 s at most.

        What a server has taken on in a run and not yet done is no part of the next one.
        """
        until, quick = time.monotonic() + _CALM_SECONDS, 0
        while quick < _CALM_ANSWERS and time.monotonic() < until:
            begun = time.monotonic()
            with contextlib.suppress(OSError, http.client.HTTPException):
                _asked(self.port, payload)
                quick = quick + 1 if time.monotonic() - begun < objective / 2 else 0

    def _sample(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            total = 0
            for each in self.processes():
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    total += each.memory_full_info().pss
            self.memory.append(total / _MEBIBYTE)


@contextlib.contextmanager
def serving(peer: Peer, fixture: Fixture, *, core: int, spans: str, log: Path) -> Iterator[Server]:
    """Have a peer serve a workload.

    Args:
        peer: What to start.
        fixture: The workload.
        core: That all of its processes are kept on.
        spans: Where spans are sent.
        log: What it writes goes there.

    Raises:
        LoadError: It did not answer rightly in time.
    """
    port = free_port(2)  # Ray's proxy takes the next one
    inherited = {name: value for name, value in os.environ.items() if not re.match(r"(SLIPWAY|OTEL|BENCH|RAY)_", name)}
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*pinned(core), *peer.command(fixture.shape, port)],
            cwd=REPOSITORY,
            env={**inherited, **peer.environment(fixture.shape, fixture.model, port, spans)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, port)
    try:
        _wait(peer, process, port, fixture.payloads(batched=peer.batched)[0], log)
        server.watch()
        yield server
    finally:
        server.unwatch()
        _end(process, server.processes())


def _wait(peer: Peer, process: subprocess.Popen[bytes], port: int, payload: Payload, log: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    said = "nothing"
    while time.monotonic() < until:
        if process.poll() is not None:
            msg = f"{peer.name} ended with status {process.returncode} before it answered"
            raise LoadError(msg, remedy=f"read {log}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            said = _asked(port, payload)
            # The bare server knows no model, and answers anything.
            if payload.expected in re.sub(r"\s", "", said) or peer.name == "bare":
                return
        time.sleep(0.25)
    msg = f"{peer.name} did not answer {payload.expected} within {_READY_SECONDS:.0f} s; it said {said[:200]}"
    raise LoadError(msg, remedy=f"read {log}")


def _asked(port: int, payload: Payload) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/predict", payload.body, {"content-type": "application/json"})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes], processes: list[psutil.Process]) -> None:
    """Ask it to end, then kill whatever it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):  # told twice to end: at once, then
            process.wait(timeout=_END_SECONDS)
    left = [each for each in processes if each.is_running()]
    for each in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()
    psutil.wait_procs(left, timeout=_END_SECONDS)
