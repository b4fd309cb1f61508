"""The one table of programs and charts: what is needed, by which command, at which version.

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
Command = Literal["up", "build", "capacity", "test"]
"""What needs a program: a command of `slipway`; `capacity`, a stack that buys nodes (Karpenter and its like); or
`test`, the tests alone."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Helm chart that lies in an upstream project's Go module.

    Attributes:
        name: The chart's name.
        folder: Its folder inside the module.
        stamps: What upstream's release writes into it before it is published: file, key (dotted) and value, in which
            `{version}` is filled in.
        version: Its version, where that is not the module's.
    """

    name: str
    folder: str
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
    """

    name: str
    path: str = ""
    ldflags: str = ""
    charts: tuple[Chart, ...] = ()

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
        package: The Go package of its `main`; none when it is a `file` or a `chart` of the module.
        file: A file inside the Go module `file_of`, taken as it is.
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
    module: GoModule | None = None
    package: str = ""
    file: str = ""
    file_of: str = ""
    chart: Chart | None = None
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

_KUBERNETES_MINOR = 34  # that of the k8s.io/client-go in helm's go.mod; what `helm template` renders for
HELM = GoModule(
    name="helm",
    path="helm.sh/helm/v3",
    # The Makefile's LDFLAGS of a release.
    ldflags=" ".join(
        (
            "-X helm.sh/helm/v3/internal/version.version=v{version}",
            "-X helm.sh/helm/v3/internal/version.gitTreeState=clean",
            *(
                f"-X helm.sh/helm/v3/pkg/{package}.k8sVersion{part}={number}"
                for package in ("lint/rules", "chartutil")
                for part, number in (("Major", 1), ("Minor", _KUBERNETES_MINOR))
            ),
        )
    ),
)
# The tag's charts still carry the version before: upstream's release stamps them on their way to the registry
# (hack/release/common.sh: build, publishHelmChart).
_RELEASED = (("Chart.yaml", "version", "{version}"), ("Chart.yaml", "appVersion", "{version}"))
# 1.14.0 is the newest controller that builds here: later ones need a newer Go, or a core that the proxy does not serve.
KARPENTER = GoModule(
    name="karpenter",
    path="github.com/aws/karpenter-provider-aws",
    ldflags="-X sigs.k8s.io/karpenter/pkg/operator.Version={version}",
    charts=(
        Chart(
            name="karpenter",
            folder="charts/karpenter",
            stamps=(
                *_RELEASED,
                ("values.yaml", "controller.image.tag", "{version}"),
                # The release writes the digest of the image it has pushed; the image here is another one.
                ("values.yaml", "controller.image.digest", ""),
            ),
        ),
        Chart(name="karpenter-crd", folder="charts/karpenter-crd", stamps=_RELEASED),
    ),
)
# A chart is published once its program's first release is out, and that is what the next patch release carries: 0.35.1
# is the newest here whose chart is of its own minor version. What it installs is stamped: the program that is built.
DESCHEDULER = GoModule(
    name="descheduler",
    path="sigs.k8s.io/descheduler",
    ldflags="-X sigs.k8s.io/descheduler/pkg/version.version=v{version}",
    charts=(
        Chart(
            name="descheduler",
            folder="charts/descheduler",
            stamps=(("Chart.yaml", "appVersion", "{version}"),),
            version="0.35.0",
        ),
    ),
)
KWOK = GoModule(name="kwok", path="sigs.k8s.io/kwok", ldflags="-X sigs.k8s.io/kwok/pkg/consts.Version=v{version}")

_UP: frozenset[Command] = frozenset({"up"})
_BUILD: frozenset[Command] = frozenset({"up", "build"})
_CAPACITY: frozenset[Command] = frozenset({"capacity"})
_TEST: frozenset[Command] = frozenset({"test"})
_OURS_ALONE = ("/nonexistent",)
"""Folders of what is not looked for: nothing of this name on a machine is meant."""
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


def _chart(chart: Chart, module: GoModule) -> Engine:
    return Engine(
        name=f"{chart.name}.tgz",
        purpose="chart",
        needed_by=_CAPACITY,
        module=module,
        chart=chart,
        folders=_OURS_ALONE,
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
        folders=_OURS_ALONE,
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
        needed_by=_BUILD,
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
    Engine(name="nsenter", purpose="enters the instance's namespaces", needed_by=_BUILD, debian="util-linux"),
    Engine(
        name="buildah",
        purpose="builds images",
        needed_by=_BUILD,
        accepts=SpecifierSet(">=1.28,<2"),
        version_command=("--version",),
        debian="buildah",
    ),
    Engine(name="debootstrap", purpose="the base image", needed_by=_BUILD, debian="debootstrap"),
    Engine(
        name="helm",
        purpose="installs charts",
        needed_by=_CAPACITY,
        accepts=SpecifierSet(">=3.14,<4"),
        version_command=("version", "--template", "{{.Version}}"),
        module=HELM,
        package="helm.sh/helm/v3/cmd/helm",
    ),
    Engine(
        name="karpenter",
        purpose="buys and returns nodes",
        needed_by=_CAPACITY,
        module=KARPENTER,
        package="github.com/aws/karpenter-provider-aws/cmd/controller",
        folders=_OURS_ALONE,  # it goes into an image whose name says its version
    ),
    *(_chart(chart, KARPENTER) for chart in KARPENTER.charts),
    Engine(
        name="descheduler",
        purpose="mends ratios of pods",
        needed_by=_CAPACITY,
        module=DESCHEDULER,
        package="sigs.k8s.io/descheduler/cmd/descheduler",
        folders=_OURS_ALONE,  # it goes into an image whose name says its version
    ),
    *(_chart(chart, DESCHEDULER) for chart in DESCHEDULER.charts),
    Engine(
        name="kwok",
        purpose="stands for bought nodes' kubelets",
        needed_by=_CAPACITY,
        accepts=SpecifierSet(">=0.7,<1"),
        version_command=("--version",),
        module=KWOK,
        package="sigs.k8s.io/kwok/cmd/kwok",
    ),
    # It is redis-server by another name (src/Makefile), and Debian has it in a package without a service, which apt
    # would start.
    Engine(
        name="redis-check-rdb",
        purpose="the tests' Redis",
        needed_by=_TEST,
        accepts=SpecifierSet(">=6,<9"),
        version_command=("--version",),
        debian="redis-tools",
    ),
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
