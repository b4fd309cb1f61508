"""The generator's Go programs: built once for each state of their source, into the cache."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from pathlib import Path

from slipway import paths
from slipway.engines.locks import exclusively
from slipway.engines.toolchain import go
from slipway.progress import Progress
from slipway.running import run

SOURCE = Path(__file__).parent / "generator"
GENERATE = "generate"
"""Sends a plan."""
ANSWER = "answer"
"""Answers everything with the same."""
_DIGITS = 12


def folder() -> Path:
    """Where the programs lie that belong to this checkout's source."""
    key = hashlib.sha256(platform.machine().encode())
    for file in sorted(each for each in SOURCE.rglob("*") if each.suffix in {".go", ".mod", ".sum"}):
        key.update(hashlib.sha256(str(file.relative_to(SOURCE)).encode()).digest())
        key.update(hashlib.sha256(file.read_bytes()).digest())
    return paths.cache() / "load" / key.hexdigest()[:_DIGITS]


def program(name: str, progress: Progress | None = None) -> Path:
    """The path of a program; it is built first where the cache has none.

    Raises:
        EngineError: There is no Go, and it could not be installed.
        CommandError: It does not build.
    """
    made = folder()
    if not (made / name).exists():
        _build(made, progress or Progress())
    return made / name


def _build(into: Path, progress: Progress) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    with (
        progress.phase("build the load generator") as phase,
        exclusively(into.with_suffix(".lock"), phase, waiting_for="another build of it"),
    ):
        if into.exists():
            return
        partial = into.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)  # of a build that was killed; the lock says that none runs
        partial.mkdir()
        inherited = {k: v for k, v in os.environ.items() if k not in {"GOFLAGS", "GOOS", "GOARCH", "GOWORK"}}
        command = go()
        run(
            [
                *(command, "-C", SOURCE, "build", "-mod=readonly", "-trimpath", "-buildvcs=false"),
                *("-ldflags", "-s -w", "-o", f"{partial}{os.sep}"),
                *(f"./{name}" for name in (GENERATE, ANSWER)),
            ],
            env={
                **inherited,
                "CGO_ENABLED": "0",
                "GOTOOLCHAIN": "local",
                "GOWORK": "off",
                "PATH": f"{command.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            },
            on_line=phase.note,
            remedy="run the same command again: what was downloaded and compiled is kept",
        )
        partial.rename(into)
