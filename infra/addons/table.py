"""The one table of Helm charts: where each comes from, which version, and why that one.

A chart's CRDs are a chart of their own where upstream publishes one: Helm never upgrades those bundled in a chart.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One chart.

    Attributes:
        name: Of the release in the cluster.
        chart: Its name in the repository, or an OCI address.
        version: The chart's.
        repository: Address of the chart repository; empty where `chart` is an OCI address.
        namespace: Where it is installed.
        account: The service account that its identity in AWS belongs to; empty where it has none.
        bundles_crds: Whether its CRDs come with it, as upstream has no chart for them.
        why: Why this version.
    """

    name: str
    chart: str
    version: str
    repository: str = ""
    namespace: str = "kube-system"
    account: str = ""
    bundles_crds: bool = False
    why: str


KARPENTER_CRDS = Pin(
    name="karpenter-crd",
    chart="oci://public.ecr.aws/karpenter/karpenter-crd",
    version="1.14.0",
    why="the CRDs of karpenter, always at its version",
)
KARPENTER = Pin(
    name="karpenter",
    chart="oci://public.ecr.aws/karpenter/karpenter",
    version="1.14.0",
    account="karpenter",
    why="1.14.1 is out; this one is proved here before it goes anywhere: its module builds with the pinned Go",
)
LOAD_BALANCERS = Pin(
    name="aws-load-balancer-controller",
    chart="aws-load-balancer-controller",
    version="3.5.0",
    repository="https://aws.github.io/eks-charts",
    account="aws-load-balancer-controller",
    bundles_crds=True,
    why="the newest in September 2026; on an upgrade, apply the chart's crds/ first, as Helm does not",
)
NVIDIA = Pin(
    name="nvidia-device-plugin",
    chart="nvidia-device-plugin",
    version="0.20.0",
    repository="https://nvidia.github.io/k8s-device-plugin",
    why="the newest in September 2026; AL2023's NVIDIA images bring driver and toolkit, so no GPU operator",
)
DESCHEDULER = Pin(
    name="descheduler",
    chart="descheduler",
    version="0.35.0",
    repository="https://kubernetes-sigs.github.io/descheduler",
    why="for Kubernetes 1.35 and the two before; proved here with the program of 0.35.1, whose module has this chart",
)
PINS = (KARPENTER_CRDS, KARPENTER, LOAD_BALANCERS, NVIDIA, DESCHEDULER)
"""All of them."""
