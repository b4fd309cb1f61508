"""The one table of Helm charts: where each comes from, which version, and why that one.

A chart's CRDs are a chart of their own where upstream publishes one: Helm never upgrades those bundled in a chart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.traffic import GATEWAY_NAMESPACE


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
        labels: Of its namespace, where that is made for it.
        why: Why this version.
    """

    name: str
    chart: str
    version: str
    repository: str = ""
    namespace: str = "kube-system"
    account: str = ""
    bundles_crds: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
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
KEDA = Pin(
    name="keda",
    chart="keda",
    version="2.20.2",
    repository="https://kedacore.github.io/charts",
    namespace="keda",
    bundles_crds=True,
    why="the newest in September 2026; proved here with the manifests of the same release",
)
PROMETHEUS = Pin(
    name="kube-prometheus-stack",
    chart="kube-prometheus-stack",
    version="84.4.0",
    repository="https://prometheus-community.github.io/helm-charts",
    namespace="monitoring",
    bundles_crds=True,
    why="the newest in September 2026; of it the operator alone, as Prometheus itself is infra/addons/prometheus.py; "
    "on an upgrade, apply the chart's CRDs first, as Helm does not",
)
METRICS_SERVER = Pin(
    name="metrics-server",
    chart="metrics-server",
    version="3.13.1",
    repository="https://kubernetes-sigs.github.io/metrics-server",
    why="the newest in November 2026; where EKS makes the cluster it is an add-on of EKS instead",
)
ENVOY_GATEWAY = Pin(
    name="envoy-gateway",
    chart="oci://docker.io/envoyproxy/gateway-helm",
    version="v1.9.1",
    namespace=GATEWAY_NAMESPACE,
    bundles_crds=True,
    # A new Envoy counts once the load balancer has it: aws-load-balancer-controller looks for this.
    labels={"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"},
    why="the newest in September 2026, with Envoy 1.39.3 in place of its own (infra/addons/gateway.py); its CRDs, with "
    "those of the Gateway API, are too large for a release of their own: on an upgrade, apply them first",
)
PINS = (KARPENTER_CRDS, KARPENTER, LOAD_BALANCERS, NVIDIA, DESCHEDULER, KEDA, PROMETHEUS, METRICS_SERVER, ENVOY_GATEWAY)
"""All of them."""
