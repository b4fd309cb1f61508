"""An AWS endpoint for tests: what the real process does, on a loopback port of its own."""

import http.client
import json
import os
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from slipway.embedded.aws import DUMMY_KEY, endpoint
from slipway.embedded.aws.endpoint import HEALTH
from tests.forked import ACCOUNT, FORKED
from tests.ports import free_port

__all__ = ["ACCOUNT", "Endpoint"]


def _serve(arguments: list[str], log: str, environment: dict[str, str]) -> None:
    """Be the endpoint, as if started by its command."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(environment)
    sys.argv = ["endpoint", *arguments]
    endpoint.main()


class Endpoint:
    """The endpoint's process with a memory that outlives it."""

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        self.port = free_port()
        self._process: BaseProcess | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        arguments = ["127.0.0.1", str(self.port), str(self.memory)]
        environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "SLIPWAY_"))}
        log = str(self.memory.with_suffix(".log"))
        self._process = FORKED.Process(target=_serve, args=(arguments, log, environment), daemon=True)
        self._process.start()
        deadline = time.monotonic() + 60
        while True:
            try:
                self.health()
            except OSError:
                assert self._process.is_alive(), self.log()[-2000:]
                assert time.monotonic() < deadline
                time.sleep(0.1)
            else:
                return

    def health(self) -> dict[str, int]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", HEALTH)
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def log(self) -> str:
        return self.memory.with_suffix(".log").read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, number)
        self._process.join(timeout=30)
        assert self._process.exitcode is not None
        return self._process.exitcode

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=DUMMY_KEY,
            aws_secret_access_key=DUMMY_KEY,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )
