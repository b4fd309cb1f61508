"""The one table of programs and charts: what is needed, by which command, at which version.

Versions of what is built here stand once, in `modules/<module>/go.mod`; this table says what else fits. The kinds of
its entries are in `slipway.engines.entries`, and what autoscaling and traffic need in `slipway.engines.serving`.
"""

from packaging.specifiers import SpecifierSet

from slipway.engines.entries import OURS_ALONE, Chart, Command, Engine, GoModule, charts_of
from slipway.engines.serving import SERVING


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

DISTRIBUTION = GoModule(name="distribution", path="github.com/distribution/distribution/v3")

_UP: frozenset[Command] = frozenset({"up"})
_PLANE: frozenset[Command] = frozenset({"up", "processes"})
_ENGINE: frozenset[Command] = frozenset({"up", "processes", "context"})
_PUSHES: frozenset[Command] = frozenset({"context-images"})
_BUILD: frozenset[Command] = frozenset({"up", "build"})
_CAPACITY: frozenset[Command] = frozenset({"capacity"})
_BOUGHT: frozenset[Command] = frozenset({"capacity", "processes"})
_CHARTS: frozenset[Command] = frozenset({"capacity", "gateway", "serving", "processes-gateway"})
_TEST: frozenset[Command] = frozenset({"test"})
_DRILL: frozenset[Command] = frozenset({"drill"})
# A control plane of one minor version; kubelet may lag by up to three but is built with the rest.
_SAME_MINOR = SpecifierSet(">=1.34,<1.35")


def _kubernetes(name: str, purpose: str) -> Engine:
    return Engine(
        name=name,
        purpose=purpose,
        needed_by=_UP if name in ("kubelet", "kube-proxy") else _PLANE,
        accepts=_SAME_MINOR,
        version_command=("version", "-o", "short") if name == "kubeadm" else ("--version",),
        module=KUBERNETES,
        package=f"k8s.io/kubernetes/cmd/{name}",
    )


ENGINES: tuple[Engine, ...] = (
    Engine(
        name="pulumi",
        purpose="deployment engine",
        needed_by=_ENGINE,
        accepts=SpecifierSet(">=3.230,<4"),
        version_command=("version",),
        module=PULUMI,
        package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ),
    Engine(
        name="pulumi-language-python-exec",
        purpose="starts a Pulumi Python program",
        needed_by=_ENGINE,
        module=PULUMI,
        file="python/cmd/pulumi-language-python-exec",
        file_of="github.com/pulumi/pulumi/sdk/v3",
    ),
    Engine(
        name="etcd",
        purpose="the cluster's store",
        needed_by=_PLANE,
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
        folders=OURS_ALONE,
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
        needed_by=_CHARTS,
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
        folders=OURS_ALONE,  # it goes into an image whose name says its version
    ),
    *charts_of(KARPENTER, _CAPACITY),
    Engine(
        name="descheduler",
        purpose="mends ratios of pods",
        needed_by=_CAPACITY,
        module=DESCHEDULER,
        package="sigs.k8s.io/descheduler/cmd/descheduler",
        folders=OURS_ALONE,  # it goes into an image whose name says its version
    ),
    *charts_of(DESCHEDULER, _CAPACITY),
    Engine(
        name="kwok",
        purpose="stands for bought nodes' kubelets",
        needed_by=_BOUGHT,
        accepts=SpecifierSet(">=0.7,<1"),
        version_command=("--version",),
        module=KWOK,
        package="sigs.k8s.io/kwok/cmd/kwok",
    ),
    *SERVING,
    Engine(
        name="skopeo",
        purpose="pushes images to any registry",
        needed_by=_PUSHES,
        accepts=SpecifierSet(">=1.9,<2"),
        version_command=("--version",),
        debian="skopeo",
    ),
    Engine(
        name="registry",
        purpose="the drills' registry",
        needed_by=_DRILL,
        version_command=("--version",),
        module=DISTRIBUTION,
        package="github.com/distribution/distribution/v3/cmd/registry",
        folders=OURS_ALONE,  # Debian's comes with a service
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
