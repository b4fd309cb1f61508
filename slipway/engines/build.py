"""Builds engines from their pinned Go modules into the cache, and installs the Debian ones.

Checksums are on: `go.sum` lists every module, and `-mod=readonly` refuses what it does not list.
"""

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from slipway import paths
from slipway.engines.locate import Programs, cache_folder, needed
from slipway.engines.table import ENGINES, Command, Engine, GoModule
from slipway.engines.toolchain import go
from slipway.errors import EngineError
from slipway.progress import Phase, Progress
from slipway.running import run

_LINK_BYTES = int(3.7 * 2**30)
"""What the largest link of these programs was seen to need."""


def ensure(command: Command, progress: Progress) -> Programs:
    """Make every program a command needs available.

    Raises:
        EngineError: One could not be installed or built.
    """
    located = needed(command)
    packages = sorted({entry.engine.debian for entry in located if entry.found is None and entry.engine.debian})
    if packages:
        with progress.phase(f"Debian packages: {', '.join(packages)}") as phase:
            install_debian(packages, phase)
    missing: dict[GoModule, list[Engine]] = {}
    for entry in located:
        if entry.found is None and entry.engine.module is not None:
            missing.setdefault(entry.engine.module, []).append(entry.engine)
    for module, engines in missing.items():
        names = ", ".join(engine.name for engine in engines)
        with progress.phase(f"build {module.name} {module.version} ({names})") as phase:
            build(module, engines, phase)
    located = needed(command)
    absent = [entry.engine.name for entry in located if entry.found is None]
    if absent:
        msg = f"still missing after installing: {', '.join(absent)}"
        raise EngineError(msg, remedy="run `slipway engines list` to see what was passed over and why")
    return Programs(located)


def install_debian(packages: list[str], phase: Phase) -> None:
    """Install Debian packages with apt, without their recommendations.

    Raises:
        EngineError: There is no apt here, or this user may not use it.
        CommandError: apt failed.
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
        CommandError: `go` failed.
        EngineError: There is no Go, or the module lacks a file.
    """
    folder = cache_folder(module)
    folder.mkdir(parents=True, exist_ok=True)
    with _exclusively(folder / ".lock", phase):
        wanted = [engine for engine in engines if not (folder / engine.name).exists()]
        if not wanted:
            return
        partial = folder / f".partial-{os.getpid()}"
        partial.mkdir()
        try:
            phase.note("downloading modules")
            builder = _GoModuleBuild(module, go(), partial)
            for engine in (engine for engine in wanted if engine.file):
                builder.take_file(engine)
            builder.compile([engine for engine in wanted if engine.package], phase)
            for engine in wanted:
                (partial / engine.name).chmod(0o755)
                (partial / engine.name).rename(folder / engine.name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    phase.detail = ""


class _GoModuleBuild:
    """Runs `go` for one module."""

    def __init__(self, module: GoModule, program: Path, into: Path) -> None:
        self._module, self._program, self._into = module, program, into
        inherited = {k: v for k, v in os.environ.items() if k not in {"GOFLAGS", "GOOS", "GOARCH", "GOWORK"}}
        path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"
        self._env = {**inherited, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "PATH": path}

    def _go(self, *arguments: str | Path, on_line: Callable[[str], None] | None = None) -> str:
        return run(
            [self._program, "-C", self._module.folder, *arguments],
            env=self._env,
            on_line=on_line,
            timeout=1800,
            remedy="run the same command again: what was downloaded and compiled is kept",
        )

    def compile(self, engines: list[Engine], phase: Phase) -> None:
        """Compile and link programs, as many at once as memory allows."""
        if not engines:
            return
        compiled = 0

        def follow(line: str) -> None:
            nonlocal compiled
            if line.startswith("go: downloading"):
                phase.note(line.removeprefix("go: "))
            elif re.fullmatch(r"[\w.~/-]+", line):
                compiled += 1
                phase.note(f"{compiled} packages compiled, now {line.rsplit('/', 1)[-1]}")

        flags = ["-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-p", str(parallelism())]
        flags += ["-ldflags", self._module.linker_flags(), "-o", f"{self._into}{os.sep}"]
        self._go("build", *flags, *(engine.package for engine in engines), on_line=follow)
        for engine in engines:
            made = self._into / _executable(engine.package)
            if made.name != engine.name:
                made.rename(self._into / engine.name)

    def take_file(self, engine: Engine) -> None:
        """Copy a file out of a module."""
        self._go("mod", "download", engine.file_of)
        folder = self._go("list", "-m", "-f", "{{.Dir}}", engine.file_of)
        source = Path(folder.strip()) / engine.file
        if not source.is_file():
            msg = f"{engine.file_of} has no file {engine.file}"
            raise EngineError(msg, remedy=f"correct the entry of {engine.name} in slipway/engines/table.py")
        shutil.copyfile(source, self._into / engine.name)


def _executable(package: str) -> str:
    """The name `go build` gives a package's program: its last element that is not a major version."""
    *parents, last = package.split("/")
    return parents[-1] if re.fullmatch(r"v\d+", last) else last


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
