"""Asking the supervisor of an instance; starting it when it does not run."""

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slipway.embedded.supervisor import launch
from slipway.embedded.supervisor.spec import ProcessSpec, Status
from slipway.errors import InstanceError

_START_SECONDS = 20.0
_ANSWER_SECONDS = 120.0


class SupervisorClient:
    """Speaks to the supervisor of one instance.

    Args:
        instance: The instance's name.
        runtime: Folder of the supervisor's socket.
        logs: Folder of the processes' output.
    """

    def __init__(self, *, instance: str, runtime: Path, logs: Path) -> None:
        self.instance = instance
        self.runtime = runtime
        self.logs = logs

    def ensure(self) -> int:
        """Start the supervisor unless it runs, and return its pid.

        Raises:
            InstanceError: It does not answer.
        """
        self.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(parents=True, exist_ok=True)
        pid = self.pid()
        if pid is not None:
            return pid
        with (self.logs / "supervisor.log").open("ab") as log:
            daemon = (sys.executable, "-m", "slipway.embedded.supervisor.daemon")
            # It outlives this command, and is nobody's child here.
            subprocess.run(
                ["setsid", "--fork", *daemon, self.instance, str(self.runtime), str(self.logs)],
                cwd="/",
                env={**os.environ, **launch.mark(self.runtime, "supervisor")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            pid = self.pid()
            if pid is not None:
                return pid
            time.sleep(0.05)
        msg = f"the supervisor of {self.instance} does not answer"
        raise InstanceError(msg, remedy=f"look at {self.logs / 'supervisor.log'}")

    def pid(self) -> int | None:
        """The supervisor's pid; none when it does not run."""
        try:
            return int(self._ask({"do": "status"})["pid"])
        except (FileNotFoundError, ConnectionError):
            return None

    def start(self, spec: ProcessSpec) -> bool:
        """Run a process; returns whether it had to be started.

        Raises:
            InstanceError: It could not be.
        """
        return bool(self._ask({"do": "start", "spec": asdict(spec)})["started"])

    def stop(self, name: str, *, seconds: float | None = None) -> None:
        """End a process, if it runs.

        Args:
            name: Which.
            seconds: How long it may take before it is killed, if not as long as its spec says.
        """
        self._ask({"do": "stop", "name": name, "seconds": seconds})

    def restart(self, name: str) -> None:
        """End a process, if it runs, as if by itself: it is started again, and that is counted."""
        self._ask({"do": "restart", "name": name})

    def processes(self) -> list[Status]:
        """Every process, in the order they were started; empty when the supervisor does not run."""
        try:
            return [Status(**entry) for entry in self._ask({"do": "status"})["processes"]]
        except (FileNotFoundError, ConnectionError):
            return []

    def process(self, name: str) -> Status | None:
        """One process by its name."""
        return next((status for status in self.processes() if status.name == name), None)

    def shutdown(self) -> None:
        """End every process and the supervisor."""
        self._ask({"do": "shutdown"})

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(self.runtime / "supervisor.sock"))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile() as lines:
                line = lines.readline()
        if not line:
            msg = "the supervisor ended before it answered"
            raise ConnectionResetError(msg)
        reply: dict[str, Any] = json.loads(line)
        if not reply["ok"]:
            raise InstanceError(reply["what"], remedy=reply["remedy"])
        return reply
