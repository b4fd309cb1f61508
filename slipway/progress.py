"""Long work in named phases: what runs now, for how long, and how long each phase took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.status import Status

CONSOLE = Console(stderr=True, highlight=False)
"""Progress goes to standard error, so that standard output stays a result that can be piped."""

_QUIET_SECONDS = 20.0
"""Without a terminal, a phase that takes longer than this says that it is still at work."""


@dataclass
class Phase:
    """One step of long work.

    Attributes:
        name: What it is.
        detail: What it came to, or what it is doing right now.
        seconds: How long it took.
        quiet: Print nothing.
        live: The line that shows it on a terminal.
    """

    name: str
    detail: str = ""
    seconds: float = 0.0
    quiet: bool = False
    live: Status | None = None
    _started: float = field(default_factory=time.monotonic)
    _last_line: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        """Show what the phase is doing; cheap enough to call for every line of a build's output."""
        self.detail = text
        now = time.monotonic()
        line = escape(f"{self.name}: {text} ({now - self._started:.0f} s)")
        if self.live is not None:
            self.live.update(line)
        elif not self.quiet and now - self._last_line > _QUIET_SECONDS:
            self._last_line = now
            CONSOLE.print(f"  … {line}", style="dim")


class Progress:
    """Runs phases one after another and remembers what each took.

    Args:
        quiet: Print nothing (for `--json`); times are still kept.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.phases: list[Phase] = []

    @contextmanager
    def phase(self, name: str) -> Iterator[Phase]:
        """Announce a phase, and when it ends say how long it took."""
        shown = escape(name)
        live = None if self.quiet or not sys.stderr.isatty() else CONSOLE.status(f"{shown} …")
        phase = Phase(name, quiet=self.quiet, live=live)
        started = time.monotonic()
        if live is not None:
            live.start()
        elif not self.quiet:
            CONSOLE.print(f"  · {shown} …", style="dim")
        done = False
        try:
            yield phase
            done = True
        finally:
            phase.seconds = time.monotonic() - started
            self.phases.append(phase)
            if live is not None:
                live.stop()
            if not self.quiet:
                mark, style = ("✓", "green") if done else ("✗", "red")
                tail = escape(f" — {phase.detail}") if phase.detail else ""
                CONSOLE.print(f"  [{style}]{mark}[/] {shown} [dim]{phase.seconds:.1f} s{tail}[/]")
