"""An AWS endpoint for tests: the real process, on a loopback port of its own."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from slipway.embedded.aws import DUMMY_KEY
from slipway.embedded.aws.endpoint import HEALTH
from slipway.paths import REPOSITORY

ACCOUNT = "111122223333"


class Endpoint:
    """The endpoint's process with a memory that outlives it."""

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        argv = [sys.executable, "-m", "slipway.embedded.aws.endpoint", "127.0.0.1", str(self.port), str(self.memory)]
        with self.memory.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                argv, cwd=REPOSITORY, env={**os.environ, "MOTO_ACCOUNT_ID": ACCOUNT}, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                self.health()
            except OSError:
                assert self._process.poll() is None, self.log()[-2000:]
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
        self._process.send_signal(number)
        return self._process.wait(timeout=30)

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=DUMMY_KEY,
            aws_secret_access_key=DUMMY_KEY,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )
