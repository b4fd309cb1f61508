"""Builds engines from their pinned Go modules into the cache or takes them from a pack, and installs the Debian ones.

Checksums are on: `go.sum` lists every module, and `-mod=readonly` refuses what it does not list. A few programs are
taken out of pinned wheels instead (`slipway.engines.wheels`).
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from slipway.engines import cache, charts, manifests, source, unpack, wheels
from slipway.engines.entries import Chart, Command, Engine, GoModule, ManifestChart, Upstream, Wheel
from slipway.engines.locate import Located, Programs, needed
from slipway.engines.locks import exclusively
from slipway.engines.toolchain import go
from slipway.errors import EngineError
from slipway.progress import Phase, Progress
from slipway.running import run

_LINK_BYTES = int(3.7 * 2**30)
"""What the largest link of these programs was seen to need."""
_KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5"


def ensure(command: Command, progress: Progress, *, installs: bool = True) -> Programs:
    """Make every program a command needs available.

    What the cache lacks comes from the pack that `SLIPWAY_ENGINES` names, else it is built. When it lacks nothing, the
    variable is not even read.

    Args:
        command: What needs them.
        progress: Where phases are told.
        installs: Whether Debian packages are installed; what is in none that is here is missing otherwise.

    Raises:
        EngineError: One could not be installed or built, or the pack cannot be used.
    """
    located = needed(command)
    packages = sorted({entry.engine.debian for entry in located if entry.found is None and entry.engine.debian})
    if packages and installs:
        with progress.phase(f"Debian packages: {', '.join(packages)}") as phase:
            install_debian(packages, phase)
    missing = _missing(located)
    pack = source.configured() if missing else None
    if pack is not None:
        unpack.take(pack, [engine for engines in missing.values() for engine in engines], progress)
        missing = _missing(needed(command))
    for module, engines in missing.items():
        names = ", ".join(engine.name for engine in engines)
        with progress.phase(f"build {module.name} {module.version} ({names})") as phase:
            build(module, engines, phase)
    located = needed(command)
    absent = [e.engine.name for e in located if e.found is None and (installs or not e.engine.debian)]
    if absent:
        msg = f"still missing after installing: {', '.join(absent)}"
        raise EngineError(msg, remedy="run `slipway engines list` to see what was passed over and why")
    return Programs(located)


def _missing(located: list[Located]) -> dict[Upstream, list[Engine]]:
    """What is to be built, by module."""
    missing: dict[Upstream, list[Engine]] = {}
    for entry in located:
        if entry.found is None and entry.engine.module is not None:
            missing.setdefault(entry.engine.module, []).append(entry.engine)
    return missing


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


def build(module: Upstream, engines: list[Engine], phase: Phase) -> None:
    """Build programs of one module into the cache; they appear there whole or not at all.

    Raises:
        CommandError: `go` failed.
        EngineError: There is no Go, or the module lacks a file.
    """
    folder = cache.cache_folder(module)
    folder.mkdir(parents=True, exist_ok=True)
    with exclusively(cache.build_lock(module), phase, waiting_for="another build of the same module"):
        wanted = [engine for engine in engines if not (folder / engine.name).exists()]
        if not wanted:
            return
        partial = cache.build_folder(module)
        shutil.rmtree(partial, ignore_errors=True)  # of a build that was killed; the lock says that none runs
        partial.mkdir()
        try:
            if isinstance(module, Wheel):
                wheels.take(module, wanted, partial, phase)
            else:
                _GoModuleBuild(module, go(module.oldest_go), partial).make(wanted, phase)
            for engine in wanted:
                cache.place(partial / engine.name, folder / engine.name)
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

    def make(self, engines: list[Engine], phase: Phase) -> None:
        """Make programs, files and charts of the module; each lies in the folder under its name."""
        phase.note("downloading modules")
        for engine in engines:
            if engine.file:
                self.take_file(engine)
            elif isinstance(engine.chart, ManifestChart):
                self.make_chart(engine, engine.chart)
            elif engine.chart is not None:
                self.take_chart(engine, engine.chart)
        self.compile([engine for engine in engines if engine.package], phase)

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
        source = self._unpacked(engine.file_of) / engine.file
        if not source.is_file():
            msg = f"{engine.file_of} has no file {engine.file}"
            raise EngineError(msg, remedy=f"correct the entry of {engine.name} in slipway/engines/table.py")
        shutil.copyfile(source, self._into / engine.name)

    def take_chart(self, engine: Engine, chart: Chart) -> None:
        """Pack a chart of the module as its release does."""
        folder = self._unpacked(self._module.path) / chart.folder
        charts.pack(chart, folder, version=self._module.version, into=self._into / engine.name)

    def make_chart(self, engine: Engine, chart: ManifestChart) -> None:
        """Pack the manifests that the project's release has, as a chart."""
        source = self._unpacked(self._module.path) / chart.manifests
        content = source.read_text() if source.is_file() else self._kustomized(chart)
        version = self._module.version
        charts.archive(chart.name, manifests.files(chart, content, version=version), self._into / engine.name)

    def _kustomized(self, chart: ManifestChart) -> str:
        """What `kustomize build` makes of a folder; the module's own `go.mod` says which kustomize."""
        module = self._unpacked(self._module.path)
        top = module / Path(chart.manifests).parts[0]
        contents = {file.relative_to(module).as_posix(): file.read_bytes() for file in top.rglob("*") if file.is_file()}
        charts.stamp(chart, contents, version=self._module.version)
        with tempfile.TemporaryDirectory() as scratch:
            for name, content in contents.items():
                file = Path(scratch, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            built = Path(scratch, "built.yaml")
            self._go("tool", _KUSTOMIZE, "build", "-o", built, Path(scratch, chart.manifests))
            return built.read_text()

    def _unpacked(self, path: str) -> Path:
        """The folder of a module, downloaded (and checked against `go.sum`) first if need be."""
        self._go("mod", "download", path)
        return Path(self._go("list", "-m", "-f", "{{.Dir}}", path).strip())


def _executable(package: str) -> str:
    """The name `go build` gives a package's program: its last element that is not a major version."""
    *parents, last = package.split("/")
    return parents[-1] if re.fullmatch(r"v\d+", last) else last
