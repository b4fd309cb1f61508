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


class Blow:
    """Falls once: when its time has come, or when its phase ends, whichever is first."""

    def __init__(self, victim: str, name: str) -> None:
        self._victim, self._name = victim, name
        self._lock = threading.Lock()
        self._has_fallen = False

    def fall(self) -> None:
        """Kill the victim; one that does not run is spared."""
        with self._lock:
            if self._has_fallen:
                return
            self._has_fallen = True
            pid = os.getpid() if self._victim == COMMAND else Patient(self._name).pids().get(self._victim, 0)
            sys.stderr.write(f"struck {self._victim}\n" if pid else f"{self._victim} does not run yet\n")
            sys.stderr.flush()
            if pid:
                kill(pid)


def arm(phase: str, seconds: float, victim: str, name: str) -> None:
    """See that the blow falls in its phase, once."""
    ordinary, blow = Progress.phase, Blow(victim, name)

    @contextmanager
    def deadly(self: Progress, title: str) -> Iterator[Phase]:
        with ordinary(self, title) as shown:
            if not title.startswith(phase):
                yield shown
                return
            timer = threading.Timer(seconds, blow.fall)
            timer.start()
            yield shown
            timer.cancel()
            blow.fall()

    setattr(Progress, "phase", deadly)  # noqa: B010  # what this program is for


if __name__ == "__main__":
    arm(sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[sys.argv.index("--as") + 1])
    sys.argv = ["slipway", *sys.argv[4:]]
    main()
