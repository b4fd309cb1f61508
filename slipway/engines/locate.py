"""Finds the program to use for an engine: one on PATH that fits, else the one of its pin in the cache."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from packaging.version import InvalidVersion, Version

from slipway import paths
from slipway.engines.cache import cached, pack_of
from slipway.engines.entries import Command, Engine
from slipway.engines.table import ENGINES
from slipway.errors import EngineError

_VERSION = re.compile(r"\bv?(\d+\.\d+(?:\.\d+)?)")
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")
"""Where Debian keeps some of the programs; a user's PATH may lack them."""


@dataclass(frozen=True)
class Found:
    """A program that fits.

    Attributes:
        path: Its absolute path.
        origin: `path` when it was found on this machine, `built` when it was built here from the pin, `pack` when it
            was built from the pin elsewhere and came in a pack.
        version: What it says its version is; empty when it has none of its own.
        pack: The pack it came from, and its checksum.
    """

    path: Path
    origin: Literal["path", "built", "pack"]
    version: str
    pack: str = ""


@dataclass(frozen=True)
class Passed:
    """A program of the right name that does not fit, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Located:
    """What was found for an engine: the program to use, and those passed over."""

    engine: Engine
    found: Found | None
    passed: tuple[Passed, ...]


class Programs:
    """The programs to use, by name: every one of them was found.

    Args:
        located: What was found.
    """

    def __init__(self, located: Iterable[Located] = ()) -> None:
        self._found = {each.engine.name: (each.engine, each.found) for each in located if each.found is not None}

    def __iter__(self) -> Iterator[tuple[Engine, Found]]:
        return iter(self._found.values())

    def __or__(self, others: "Programs") -> "Programs":
        """These and others."""
        both = Programs()
        both._found = {**self._found, **others._found}
        return both

    def path(self, name: str) -> Path:
        """Where a program is.

        Raises:
            EngineError: It was not asked for, or not found.
        """
        return self.found(name).path

    def found(self, name: str) -> Found:
        """What is known of a program.

        Raises:
            EngineError: It was not asked for, or not found.
        """
        if name not in self._found:
            msg = f"{name} is needed and was not found"
            raise EngineError(msg, remedy="run `slipway engines build`")
        return self._found[name][1]


def locate(engine: Engine) -> Located:
    """Find the program for one engine, without building anything."""
    passed: list[Passed] = []
    for candidate in _on_this_machine(engine):
        version, fault = _fit(engine, candidate)
        if not fault:
            return Located(engine, Found(candidate, "path", version), tuple(passed))
        passed.append(Passed(candidate, fault))
    program = cached(engine)
    if program is not None and engine.module is not None:
        pack = pack_of(program)
        found = Found(program, "pack" if pack else "built", engine.module.version, pack)
        return Located(engine, found, tuple(passed))
    return Located(engine, None, tuple(passed))


def needed(command: Command) -> list[Located]:
    """Every engine that a command needs, found or not, in the table's order."""
    return [locate(engine) for engine in ENGINES if command in engine.needed_by]


def _on_this_machine(engine: Engine) -> Iterator[Path]:
    folders = engine.folders or (*os.environ.get("PATH", "").split(os.pathsep), *_SYSTEM_FOLDERS)
    seen: set[Path] = set()
    for folder in folders:
        candidate = Path(folder) / engine.name
        if not folder or not os.access(candidate, os.X_OK) or candidate.is_dir():
            continue
        real = candidate.resolve()
        # A shim of ours stands for a program; it is not one.
        if real in seen or real.is_relative_to(paths.state()) or real.is_relative_to(paths.runtime()):
            continue
        seen.add(real)
        yield candidate.absolute()


@cache
def _fit(engine: Engine, candidate: Path) -> tuple[str, str]:
    """The version a program says it has, and why it does not fit (empty when it does)."""
    if not engine.version_command:
        return "", ""
    try:
        said = subprocess.run(
            [candidate, *engine.version_command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"does not run ({error})"
    found = _VERSION.search(said)
    if found is None:
        return "", f"`{engine.name} {' '.join(engine.version_command)}` prints no version"
    try:
        version = Version(found[1])
    except InvalidVersion:
        return "", f"its version {found[1]!r} cannot be read"
    if not engine.accepts.contains(version, prereleases=True):
        return found[1], f"is {found[1]}; {engine.accepts} fits"
    return found[1], ""
