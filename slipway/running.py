"""Running a program to its end, with its output at hand when it fails."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from slipway.errors import CommandError


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float = 600.0,
    on_line: Callable[[str], None] | None = None,
    stdin: str | None = None,
    remedy: str = "",
) -> str:
    """Run `argv` and return what it wrote, standard error included.

    Args:
        argv: The program and its arguments.
        env: The whole environment; inherited when absent.
        cwd: Its working directory.
        timeout: Seconds after which it is killed. Ignored while lines are followed with `on_line`.
        on_line: Called with every line as it comes (for progress).
        stdin: Text for its standard input.
        remedy: What the error should tell the user to do.

    Raises:
        CommandError: It did not end with status 0, or not in time.
    """
    words = [str(word) for word in argv]
    if on_line is None:
        try:
            done = subprocess.run(
                words,
                env=env,
                cwd=cwd,
                timeout=timeout,
                input=stdin,
                stdin=None if stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            output = (error.stdout or b"").decode(errors="replace") if isinstance(error.stdout, bytes) else ""
            raise CommandError(words, -9, f"{output}\n(killed after {timeout:.0f} s)", remedy=remedy) from error
        if done.returncode != 0:
            raise CommandError(words, done.returncode, done.stdout, remedy=remedy)
        return done.stdout
    lines: list[str] = []
    with subprocess.Popen(
        words,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                lines.append(line)
                on_line(line.rstrip())
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise CommandError(words, process.returncode, "".join(lines), remedy=remedy)
    return "".join(lines)
