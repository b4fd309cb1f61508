"""Runs all tests in the time that two cores allow: a stack of their own is brought up while the first ones run.

Run by `make test`. Most tests of the stack wait, and the others compute, so there are two workers more than cores. At
the very end the tests that take the stack down are run: they compare this machine with what it was before anything was
started.
"""

import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from slipway.paths import REPOSITORY
from tests.conftest import BEFORE, CHANGED, INSTANCE, OWNED, READY
from tests.live import SLIPWAY, tracked_files_changed
from tests.snapshot import Snapshot

LAST = "tests/slipway/test_environment.py"
"""Where the tests that take the stack down are: looking for them everywhere takes a while."""
_WORKERS = (os.cpu_count() or 1) + 2
_SPREAD = (f"-n{_WORKERS}", "--dist=loadfile", "--no-loadscope-reorder")
_COUNT = re.compile(r"(\d+) (passed|failed|errors?)")


def main() -> int:
    """Run everything; the exit status is 0 when both parts ran tests and all of them passed."""
    begun = time.monotonic()
    name = f"test-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory() as folder:
        before, ready = Path(folder) / "before.json", Path(folder) / "ready"
        Snapshot.take().write(before)
        _slipway("build", "digits")
        environment = {
            # Compiled code is kept, whatever this shell says: the same files are read by many processes.
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            BEFORE: str(before),
            CHANGED: tracked_files_changed(),
            INSTANCE: name,
            OWNED: "1",
            READY: str(ready),
        }
        many = _pytest(environment, "-m", "not faults and not drill and not last", *_SPREAD)
        try:
            _slipway("up", "local", "--as", name)
            ready.touch()
            told = [_shown(many)]
            last = _pytest(environment, "-m", "last", LAST)
            told.append(_shown(last))
        finally:
            if many.poll() is None:
                many.terminate()
                many.wait()
            _slipway("down", "local", "--as", name)
    counts: dict[str, int] = {}
    for text in told:
        for number, what in _COUNT.findall(text.strip().splitlines()[-1]):
            counts[what] = counts.get(what, 0) + int(number)
    said = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    sys.stdout.write(f"=== in all: {said} in {time.monotonic() - begun:.0f}s ===\n")
    return max(many.returncode, last.returncode)


def _pytest(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """Begin to run tests; what they write waits until it is shown."""
    argv = [sys.executable, "-m", "pytest", "-q", *arguments]
    return subprocess.Popen(
        argv, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _slipway(*words: str) -> None:
    subprocess.run([SLIPWAY, *words], cwd=REPOSITORY, check=True)


def _shown(process: subprocess.Popen[str]) -> str:
    """Show what a program writes as it comes, until it ends, and keep it."""
    lines: list[str] = []
    for line in process.stdout or ():
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    process.wait()
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
