"""Builds engines from their pinned Go modules into the cache, and installs the Debian ones.

Checksums are on: `go.sum` lists every module, and `-mod=readonly` refuses what it does not list.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import psutil

from slipway import paths
from slipway.engines.locate import Located, cache_folder, needed
from slipway.engines.table import ENGINES, Command, Engine, GoModule
from slipway.engines.toolchain import go
from slipway.errors import EngineError
from slipway.progress import Phase, Progress
from slipway.running import run

_LINK_BYTES = int(3.7 * 2**30)
"""What the largest link of these programs was seen to need."""


def ensure(command: Command, progress: Progress) -> dict[str, Located]:
    """Make every engine a command needs available, and say where each comes from.

    Raises:
        EngineError: One could not be installed or built.
    """
    located = needed(command)
    packages = sorted({entry.engine.debian for entry in located if entry.found is None and entry.engine.debian})
    if packages:
        with progress.phase(f"Debian packages: {', '.join(packages)}") as phase:
            install_debian(packages, phase)
    missing = [entry.engine for entry in located if entry.found is None and entry.engine.module is not None]
    for module, engines in groupby(missing, key=lambda engine: engine.module):
        assert module is not None
        names = list(engines)
        with progress.phase(f"build {module.name} {module.version} ({', '.join(e.name for e in names)})") as phase:
            build(module, names, phase)
    found = {entry.engine.name: entry for entry in needed(command)}
    absent = [name for name, entry in found.items() if entry.found is None]
    if absent:
        msg = f"still missing after installing: {', '.join(absent)}"
        raise EngineError(msg, remedy="run `slipway engines list` to see what was passed over and why")
    return found


def install_debian(packages: list[str], phase: Phase) -> None:
    """Install Debian packages with apt, without their recommendations.

    Raises:
        EngineError: There is no apt here, or this user may not use it.
        CommandFailed: apt failed.
    """
    words = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if shutil.which("apt-get") is None:
        msg = f"this machine has no apt-get, and these are missing: {', '.join(packages)}"
        raise EngineError(
            msg, remedy="install the programs named by `slipway engines list` with your own package manager"
        )
    if os.geteuid() != 0:
        msg = f"missing Debian packages: {', '.join(packages)}"
        raise EngineError(msg, remedy=f"run `sudo {words}`")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], env=env, on_line=phase.note)
    run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages], env=env, on_line=phase.note)
    phase.detail = ""


def parallelism() -> int:
    """How many compiles and links may run at once: processors, bounded by memory for links."""
    return max(1, min(os.cpu_count() or 1, psutil.virtual_memory().available // _LINK_BYTES))


def build(module: GoModule, engines: list[Engine], phase: Phase) -> None:
    """Build programs of one module into the cache; they appear there whole or not at all.

    Raises:
        CommandFailed: `go` failed.
        EngineError: There is no Go, or the module lacks a file.
    """
    folder = cache_folder(module)
    folder.mkdir(parents=True, exist_ok=True)
    with _exclusively(folder / ".lock", phase):
        wanted = [engine for engine in engines if not (folder / engine.name).exists()]
        if not wanted:
            return
        program = go()
        env = {
            **{key: value for key, value in os.environ.items() if key not in {"GOFLAGS", "GOOS", "GOARCH", "GOWORK"}},
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        partial = folder / f".partial-{os.getpid()}"
        partial.mkdir()
        try:
            phase.note("downloading modules")
            for engine in (e for e in wanted if e.file):
                _take_file(program, module, engine, partial, env)
            packages = {engine.package: engine for engine in wanted if engine.package}
            if packages:
                _compile(program, module, packages, partial, env, phase)
            for engine in wanted:
                (partial / engine.name).chmod(0o755)
                (partial / engine.name).rename(folder / engine.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    phase.detail = ""


def _compile(
    program: Path, module: GoModule, packages: dict[str, Engine], into: Path, env: dict[str, str], phase: Phase
) -> None:
    compiled = 0

    def follow(line: str) -> None:
        nonlocal compiled
        if line.startswith("go: downloading"):
            phase.note(line.removeprefix("go: "))
        elif re.fullmatch(r"[\w.~/-]+", line):
            compiled += 1
            phase.note(f"{compiled} packages compiled, now {line.rsplit('/', 1)[-1]}")

    run(
        [
            *(program, "build", "-C", module.folder, "-v", "-mod=readonly", "-trimpath", "-buildvcs=false"),
            *("-p", parallelism(), "-ldflags", module.linker_flags(), "-o", f"{into}{os.sep}"),
            *packages,
        ],
        env=env,
        on_line=follow,
        remedy="run the same command again: what was compiled is kept",
    )
    for package, engine in packages.items():
        made = into / _executable(package)
        if made.name != engine.name:
            made.rename(into / engine.name)


def _executable(package: str) -> str:
    """The name `go build` gives a package's program: its last element that is not a major version."""
    *parents, last = package.split("/")
    return parents[-1] if re.fullmatch(r"v\d+", last) else last


def _take_file(program: Path, module: GoModule, engine: Engine, into: Path, env: dict[str, str]) -> None:
    run([program, "-C", module.folder, "mod", "download", engine.file_of], env=env)
    folder = run([program, "-C", module.folder, "list", "-m", "-f", "{{.Dir}}", engine.file_of], env=env)
    source = Path(folder.strip()) / engine.file
    if not source.is_file():
        msg = f"{engine.file_of} has no file {engine.file}"
        raise EngineError(msg, remedy=f"correct the entry of {engine.name} in slipway/engines/table.py")
    shutil.copyfile(source, into / engine.name)


@contextmanager
def _exclusively(lock: Path, phase: Phase) -> Iterator[None]:
    """Hold a lock file: two builds of one module would do the same work twice."""
    with lock.open("w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                phase.note("waiting for another build of the same module")
                time.sleep(1)
        yield


def clean() -> list[Path]:
    """Remove from the cache the engines that no pin names any more, and return the folders that went."""
    current = {cache_folder(entry.module) for entry in ENGINES if entry.module is not None}
    gone = [folder for folder in (paths.cache() / "engines").glob("*") if folder not in current]
    for folder in gone:
        shutil.rmtree(folder)
    return gone
