"""Runs all tests in the time that two cores allow: those that need the real stack, and beside them those that do not.

Run by `make test`. A stack of its own is brought up for them, and at the very end the tests that take it down are run:
they compare this machine with what it was before anything was started.
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
from tests.conftest import BEFORE, CHANGED, INSTANCE, OWNED, PARTS
from tests.live import SLIPWAY, tracked_files_changed
from tests.snapshot import Snapshot

FILES = {"last": ("tests/slipway/test_environment.py",)}
"""Where the tests of a part are, if not everywhere: looking for them takes a while."""
_COUNT = re.compile(r"(\d+) (passed|failed|errors?)")


def main() -> int:
    """Run everything; the exit status is 0 when every part ran tests and all passed."""
    begun = time.monotonic()
    name = f"test-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory() as folder:
        before, output = Path(folder) / "before.json", Path(folder) / "alone.txt"
        Snapshot.take().write(before)
        _slipway("build", "digits")
        environment = {
            **os.environ,
            BEFORE: str(before),
            CHANGED: tracked_files_changed(),
            INSTANCE: name,
            OWNED: "1",
        }
        with output.open("w") as file:
            alone = subprocess.Popen(
                _pytest("alone", "-q"), cwd=REPOSITORY, stdout=file, stderr=subprocess.STDOUT, env={**os.environ}
            )
            try:
                _slipway("up", "local", "--as", name)
                said, statuses = [], []
                for part in ("live", "last"):
                    if part == "last":
                        statuses.append(alone.wait())
                        said.append(output.read_text())
                        sys.stdout.write(said[-1])
                    status, text = _shown(_pytest(part, "-q", *FILES.get(part, ())), environment)
                    statuses.append(status)
                    said.append(text)
            finally:
                if alone.poll() is None:
                    alone.terminate()
                    alone.wait()
                _slipway("down", "local", "--as", name)
    counts: dict[str, int] = {}
    for text in said:
        for number, what in _COUNT.findall(text.strip().splitlines()[-1]):
            counts[what] = counts.get(what, 0) + int(number)
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    sys.stdout.write(f"=== in all: {told} in {time.monotonic() - begun:.0f}s ===\n")
    return max(statuses)


def _pytest(part: str, *arguments: str) -> list[str]:
    assert part in PARTS
    return [sys.executable, "-m", "pytest", f"--part={part}", *arguments]


def _slipway(*words: str) -> None:
    subprocess.run([SLIPWAY, *words], cwd=REPOSITORY, check=True)


def _shown(argv: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a program, show what it writes as it comes, and keep it."""
    lines: list[str] = []
    with subprocess.Popen(
        argv, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line)
    return process.returncode, "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
