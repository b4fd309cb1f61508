"""Running a program to its end, with its output at hand when it fails."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from slipway.errors import CommandError

_INTERRUPT_SECONDS = 60.0
"""How long an interrupted program may take to put its things in order (Pulumi writes its state)."""
_END_SECONDS = 10.0
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 600.0,
    on_line: Callable[[str], None] | None = None,
    remedy: str = "",
) -> str:
    """Run `argv` and return what it wrote, standard error included.

    An interrupt is passed on to it once, and it is waited for: it is in a session of its own, so that a Ctrl-C in the
    terminal does not reach it a second time. Where we are killed ourselves, the kernel interrupts it.

    Args:
        argv: The program and its arguments.
        env: The whole environment; inherited when absent.
        cwd: Its working directory.
        timeout: Seconds after which it is killed. Ignored while lines are followed with `on_line`.
        on_line: Called with every line as it comes (for progress).
        remedy: What the error should tell the user to do.

    Raises:
        CommandError: It did not end with status 0, or not in time.
    """
    words = [str(word) for word in argv]
    lines: list[str] = []
    with _started(words, env, cwd) as process:
        if on_line is None:
            try:
                lines.append(process.communicate(timeout=timeout)[0])
            except subprocess.TimeoutExpired as error:
                process.kill()
                output = process.communicate()[0]
                raise CommandError(words, -9, f"{output}\n(killed after {timeout:.0f} s)", remedy=remedy) from error
        else:
            for line in process.stdout or ():
                lines.append(line)
                on_line(line.rstrip())
    if process.returncode != 0:
        raise CommandError(words, process.returncode, "".join(lines), remedy=remedy)
    return "".join(lines)


def _end_with(parent: int) -> None:
    """Have the kernel interrupt this process when its parent ends (prctl(2)); also where it has ended already."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def _started(words: list[str], env: Mapping[str, str] | None, cwd: Path | None) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        words,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=partial(_end_with, os.getpid()),  # noqa: PLW1509  # two system calls, no locks
    ) as process:
        try:
            yield process
        except BaseException:
            for number, seconds in (
                (signal.SIGINT, _INTERRUPT_SECONDS),
                (signal.SIGTERM, _END_SECONDS),
                (signal.SIGKILL, _END_SECONDS),
            ):
                if process.poll() is not None:
                    break
                process.send_signal(number)
                try:
                    process.communicate(timeout=seconds)
                except subprocess.TimeoutExpired:
                    continue
            raise
