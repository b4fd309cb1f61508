"""Runs the generator: a plan and a schedule in, what became of every request out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from slipway.errors import LoadError
from slipway.load.plan import Plan
from slipway.load.program import GENERATE, program
from slipway.load.results import Results
from slipway.load.schedules import Schedule

_GRACE_SECONDS = 30.0
"""Beyond the schedule and its last time-out: for starting, and for writing the results."""


def pinned(core: int | None) -> list[str]:
    """Words in front of a command that keep it on one core (taskset(1), of util-linux); none for no core.

    Raises:
        LoadError: There is no taskset.
    """
    if core is None:
        return []
    if shutil.which("taskset") is None:
        msg = "taskset is not on PATH"
        raise LoadError(msg, remedy="install util-linux (on Debian: `apt-get install util-linux`)")
    return ["taskset", "--cpu-list", str(core)]


def generate(plan: Plan, schedule: Schedule, *, core: int | None = None, progress: float = 0.0) -> Results:
    """Send every request when it is due, and wait for the last answer.

    An interrupt stops it, and what was answered until then is returned.

    Args:
        plan: What to send.
        schedule: When.
        core: That the generator is kept on.
        progress: Seconds between lines on standard error that say how far it is; none if 0.

    Raises:
        LoadError: The generator failed: nobody listens at the port, say.
    """
    words: Sequence[str | Path] = [*pinned(core), program(GENERATE)]
    with tempfile.TemporaryDirectory(prefix="slipway-load-") as name:
        folder = Path(name)
        plan.write(schedule, folder)
        begun = time.monotonic()
        # In a session of its own: a Ctrl-C in the terminal reaches us, and we pass it on once.
        process = subprocess.Popen(
            [*words, "-plan", folder, "-progress", f"{progress}s"],
            env={**os.environ, "GOMAXPROCS": "1"},
            stdout=sys.stderr,
            stderr=subprocess.PIPE if not progress else None,
            text=True,
            start_new_session=True,
        )
        limit = schedule.seconds + plan.timeout + _GRACE_SECONDS
        with process:
            said, seconds = _waited(process, limit)
        if process.returncode != 0:
            msg = f"the load generator ended with status {process.returncode}: {said.strip()}"
            raise LoadError(msg, remedy=f"see that the server listens at 127.0.0.1:{plan.port}")
        return Results.read(folder, schedule, busy=seconds / max(time.monotonic() - begun, 1e-9))


def _waited(process: subprocess.Popen[str], limit: float) -> tuple[str, float]:
    """What it wrote on standard error, and the seconds of processor time it took."""
    before = os.times()
    try:
        said = process.communicate(timeout=limit)[1]
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=_GRACE_SECONDS)[1]
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        msg = f"the load generator did not end within {limit:.0f} s, and was killed"
        raise LoadError(msg, remedy="look for what else keeps this machine busy (`top`)") from error
    after = os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return said or "", busy
