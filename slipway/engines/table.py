"""The one table of programs: what is needed, by which command, at which version.

Versions of what is built here stand once, in `modules/<module>/go.mod`; this table says what else fits.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from packaging.specifiers import SpecifierSet

MODULES = Path(__file__).parent / "modules"
"""One Go module per upstream project: its `go.mod` is the pin, its `go.sum` the checksums."""

_ANY = SpecifierSet()
Command = Literal["up", "build"]
"""Which command of `slipway` needs a program."""


@dataclass(frozen=True, kw_only=True)
class GoModule:
    """An upstream project that is built from its Go module.

    Attributes:
        name: Folder under `modules/`.
        path: Go module path that carries the version; empty for a program of ours.
        ldflags: Linker flags; `{version}`, `{major}` and `{minor}` are filled in.
    """

    name: str
    path: str = ""
    ldflags: str = ""

    @property
    def folder(self) -> Path:
        """Where its `go.mod` and `go.sum` lie."""
        return MODULES / self.name

    @property
    def version(self) -> str:
        """The pinned version, without the leading `v`."""
        if not self.path:
            return "1.0.0"
        return _pinned(self.folder / "go.mod", self.path)

    def linker_flags(self) -> str:
        """The flags for `go build -ldflags`: no symbol tables, the version stamped in."""
        major, minor, *_ = self.version.split(".")
        return f"-s -w {self.ldflags.format(version=self.version, major=major, minor=minor)}".strip()


@cache
def _pinned(go_mod: Path, path: str) -> str:
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(path)} v(\S+)", go_mod.read_text(), re.MULTILINE)
    if found is None:
        msg = f"{go_mod} does not pin {path}"
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
        module: What it is built from; none when Debian has it.
        package: The Go package of its `main`; none when `file` names a file of the module.
        file: A file inside the Go module `file_of`, taken as it is.
        file_of: The Go module path that carries `file`.
        debian: The Debian package that has it.
        folders: Where it is looked for instead of PATH.
    """

    name: str
    purpose: str
    needed_by: frozenset[Command]
    accepts: SpecifierSet = _ANY
    version_command: tuple[str, ...] = ()
    module: GoModule | None = None
    package: str = ""
    file: str = ""
    file_of: str = ""
    debian: str = ""
    folders: tuple[str, ...] = ()


def _stamp(*packages: str) -> str:
    return " ".join(
        f"-X {package}.gitVersion=v{{version}} -X {package}.gitMajor={{major}} -X {package}.gitMinor={{minor}}"
        for package in packages
    )


KUBERNETES = GoModule(
    name="kubernetes",
    path="k8s.io/kubernetes",
    ldflags=_stamp("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"),
)
ETCD = GoModule(name="etcd", path="go.etcd.io/etcd/server/v3")
COREDNS = GoModule(name="coredns", path="github.com/coredns/coredns")
# 3.230 is the newest CLI module that the Go proxy serves; it is also the first seen here to take every
# option from PULUMI_OPTION_*, which keeps a literal `pulumi up` inside the scratch copy.
PULUMI = GoModule(
    name="pulumi",
    path="github.com/pulumi/pulumi/pkg/v3",
    ldflags="-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{version}",
)

PAUSE = GoModule(name="pause")

_UP: frozenset[Command] = frozenset({"up"})
_BUILD: frozenset[Command] = frozenset({"up", "build"})
# A control plane of one minor version; kubelet may lag by up to three but is built with the rest.
_SAME_MINOR = SpecifierSet(">=1.34,<1.35")


def _kubernetes(name: str, purpose: str) -> Engine:
    return Engine(
        name=name,
        purpose=purpose,
        needed_by=_UP,
        accepts=_SAME_MINOR,
        version_command=("version", "-o", "short") if name == "kubeadm" else ("--version",),
        module=KUBERNETES,
        package=f"k8s.io/kubernetes/cmd/{name}",
    )


ENGINES: tuple[Engine, ...] = (
    Engine(
        name="pulumi",
        purpose="deployment engine",
        needed_by=_UP,
        accepts=SpecifierSet(">=3.230,<4"),
        version_command=("version",),
        module=PULUMI,
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ),
    Engine(
        name="pulumi-language-python-exec",
        purpose="starts a Pulumi Python program",
        needed_by=_UP,
        module=PULUMI,
        file="python/cmd/pulumi-language-python-exec",
        file_of="github.com/pulumi/pulumi/sdk/v3",
    ),
    Engine(
        name="etcd",
        purpose="the cluster's store",
        needed_by=_UP,
        accepts=SpecifierSet(">=3.5.21,<3.7"),
        version_command=("--version",),
        module=ETCD,
        package="go.etcd.io/etcd/server/v3",
    ),
    _kubernetes("kube-apiserver", "Kubernetes API"),
    _kubernetes("kube-controller-manager", "Kubernetes controllers"),
    _kubernetes("kube-scheduler", "pod placement"),
    _kubernetes("kubelet", "the node's agent"),
    _kubernetes("kube-proxy", "Services on the node"),
    _kubernetes("kubeadm", "keys and certificates"),
    Engine(
        name="coredns",
        purpose="cluster DNS",
        needed_by=_UP,
        accepts=SpecifierSet(">=1.11,<2"),
        version_command=("--version",),
        module=COREDNS,
        package="github.com/coredns/coredns",
    ),
    Engine(
        name="pause",
        purpose="holds a pod's namespaces",
        needed_by=_UP,
        module=PAUSE,
        package="slipway/engines/pause",
        folders=("/nonexistent",),  # ours alone: nothing of this name on a machine is meant
    ),
    Engine(
        name="containerd",
        purpose="runs containers",
        needed_by=_UP,
        accepts=SpecifierSet(">=1.6,<3"),
        version_command=("--version",),
        debian="containerd",
    ),
    Engine(
        name="ctr",
        purpose="imports images",
        needed_by=_UP,
        accepts=SpecifierSet(">=1.6,<3"),
        version_command=("--version",),
        debian="containerd",
    ),
    Engine(
        name="containerd-shim-runc-v2",
        purpose="keeps a pod's processes",
        needed_by=_UP,
        version_command=("-v",),
        accepts=SpecifierSet(">=1.6,<3"),
        debian="containerd",
    ),
    Engine(
        name="runc",
        purpose="starts containers",
        needed_by=_UP,
        accepts=SpecifierSet(">=1.1,<2"),
        version_command=("--version",),
        debian="runc",
    ),
    *(
        Engine(
            name=plugin,
            purpose="pod network (CNI)",
            needed_by=_UP,
            debian="containernetworking-plugins",
            folders=("/usr/lib/cni", "/opt/cni/bin"),  # on PATH, `bridge` is iproute2's
        )
        for plugin in ("bridge", "host-local", "loopback", "portmap")
    ),
    Engine(
        name="nft",
        purpose="packet filter of kube-proxy",
        needed_by=_UP,
        accepts=SpecifierSet(">=1.0.1,<2"),
        version_command=("--version",),
        debian="nftables",
    ),
    Engine(name="ip", purpose="the instance's network", needed_by=_UP, debian="iproute2"),
    Engine(name="nsenter", purpose="enters the instance's namespaces", needed_by=_UP, debian="util-linux"),
    Engine(
        name="buildah",
        purpose="builds images",
        needed_by=_BUILD,
        accepts=SpecifierSet(">=1.28,<2"),
        version_command=("--version",),
        debian="buildah",
    ),
    Engine(name="debootstrap", purpose="the base image", needed_by=_BUILD, debian="debootstrap"),
)
"""Every program, in the order it is reported. A new one is a line here and, if built, a pin under `modules/`."""


def engine(name: str) -> Engine:
    """The entry of one program.

    Raises:
        LookupError: The table has none of that name.
    """
    for entry in ENGINES:
        if entry.name == name:
            return entry
    msg = f"no engine named {name!r} in slipway/engines/table.py"
    raise LookupError(msg)
