"""Runs `slipway` and kills something in the middle of one of its phases.

Run as `python -m tests.drills.interrupted PHASE SECONDS VICTIM COMMAND…`: in the phase whose name begins with PHASE,
after SECONDS, VICTIM is killed: `command` is the command itself, anything else a process of the instance (`--as`).
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from slipway.cli import main
from slipway.progress import Phase, Progress
from tests.drills.patient import Patient, kill

COMMAND = "command"


def _strike(victim: str, name: str) -> None:
    pid = os.getpid() if victim == COMMAND else Patient(name).pids().get(victim, 0)
    if pid:
        sys.stderr.write(f"struck {victim}\n")
        kill(pid)


def arm(phase: str, seconds: float, victim: str, name: str) -> None:
    """See that the blow falls in its phase, once."""
    ordinary = Progress.phase
    struck = threading.Event()

    @contextmanager
    def deadly(self: Progress, title: str) -> Iterator[Phase]:
        with ordinary(self, title) as shown:
            timer = threading.Timer(seconds, _strike, (victim, name))
            if title.startswith(phase) and not struck.is_set():
                struck.set()
                if seconds:
                    timer.start()
                else:
                    _strike(victim, name)
            yield shown
            timer.cancel()

    setattr(Progress, "phase", deadly)  # noqa: B010  # what this program is for


if __name__ == "__main__":
    arm(sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[sys.argv.index("--as") + 1])
    sys.argv = ["slipway", *sys.argv[4:]]
    main()
