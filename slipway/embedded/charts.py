"""The one table of what this machine does with the Helm charts a program may name.

A chart is a line here with its reason, or it is refused: nothing is passed over in silence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from slipway.embedded.aws import DUMMY_KEY
from slipway.embedded.images import ImageFile, image_of
from slipway.embedded.instance import AWS_PORT, BRIDGE_ADDRESS
from slipway.embedded.node import REAL
from slipway.engines.entries import Command
from slipway.engines.locate import Programs
from slipway.engines.table import engine
from slipway.errors import InstanceError


class Treatment(StrEnum):
    """What becomes of a release."""

    REAL = "real"
    """The official chart, or the manifests that upstream releases beside it, installed by helm; the images of its
    programs are made from what was built here."""
    SUPERVISED = "supervised"
    """A process of the supervisor does its work; the release's values are checked, and it is recorded."""
    RECORDED = "not run here"
    """It is recorded, and nothing does its work."""


@dataclass(frozen=True, kw_only=True)
class KnownChart:
    """A chart that a program may name.

    Attributes:
        repository: Where it is published, without its name.
        name: Its name.
        treatment: What becomes of its releases here.
        reason: Why, in one sentence.
        images: Engines whose images its pods need.
        processes: What does its work where it is supervised.
        values: Where it is supervised, or installed from manifests, the values that this heeds or that cannot matter to
            it; others are faults.
        needed_by: Which of the machine's stacks have it.
    """

    repository: str
    name: str
    treatment: Treatment
    reason: str
    images: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    values: frozenset[str] = frozenset()
    needed_by: Command = "capacity"

    @property
    def reference(self) -> str:
        """Its full name, such as `oci://public.ecr.aws/karpenter/karpenter`."""
        return f"{self.repository}/{self.name}"

    @property
    def version(self) -> str:
        """The one version that can be installed here; empty where any can be named."""
        if self.treatment is not Treatment.REAL:
            return ""
        packed = engine(f"{self.name}.tgz")
        if packed.chart is not None and packed.chart.version:
            return packed.chart.version
        return packed.module.version if packed.module is not None else ""

    def faults(self, values: Mapping[str, Any]) -> list[str]:
        """What a release's values ask for that is not done here, one sentence each."""
        if not self.values:
            return []
        who = " and ".join(self.processes) or "what upstream's manifests install"
        return [f"{self.name}: {who} does not heed the value {key!r}" for key in sorted(set(values) - self.values)]


CHARTS: tuple[KnownChart, ...] = (
    KnownChart(
        repository="oci://public.ecr.aws/karpenter",
        name="karpenter",
        treatment=Treatment.REAL,
        reason="the chart and the controller come from one pinned module; it buys from the AWS endpoint",
        images=("karpenter",),
    ),
    KnownChart(
        repository="oci://public.ecr.aws/karpenter",
        name="karpenter-crd",
        treatment=Treatment.REAL,
        reason="it comes with the pinned module, too: the schema that the controller was built with",
    ),
    KnownChart(
        repository="https://nvidia.github.io/k8s-device-plugin",
        name="nvidia-device-plugin",
        treatment=Treatment.SUPERVISED,
        reason="bought nodes have no GPUs that a plugin could find: the fleet registers those of their instance types",
        processes=("fleet",),
        values=frozenset({"affinity", "gfd", "image", "nodeSelector", "priorityClassName", "resources", "tolerations"}),
    ),
    KnownChart(
        repository="https://aws.github.io/eks-charts",
        name="aws-load-balancer-controller",
        treatment=Treatment.RECORDED,
        reason="no load balancer of AWS is here to be kept",
    ),
    KnownChart(
        repository="https://kubernetes-sigs.github.io/descheduler",
        name="descheduler",
        treatment=Treatment.REAL,
        reason="the chart and the program come from one pinned module; it evicts pods of bought nodes as of any others",
        images=("descheduler",),
    ),
    KnownChart(
        repository="oci://docker.io/envoyproxy",
        name="gateway-helm",
        treatment=Treatment.REAL,
        reason="the chart and the controller come from one pinned module, Envoy itself from PyPI's wheel",
        images=("envoy-gateway", "envoy"),
        needed_by="gateway",
    ),
    KnownChart(
        repository="https://kedacore.github.io/charts",
        name="keda",
        treatment=Treatment.REAL,
        reason="the manifests and the programs come from one pinned module; its chart lies in no module",
        images=("keda", "keda-adapter", "keda-admission-webhooks"),
        values=frozenset({"resources", "tolerations"}),
        needed_by="serving",
    ),
    KnownChart(
        repository="https://prometheus-community.github.io/helm-charts",
        name="kube-prometheus-stack",
        treatment=Treatment.REAL,
        reason="the operator's manifests and programs come from one pinned module; the chart lies in no module, and of "
        "what else it can install nothing is asked for",
        images=("prometheus-operator", "prometheus-config-reloader", "prometheus"),
        values=frozenset(
            {
                "alertmanager",
                "coreDns",
                "defaultRules",
                "grafana",
                "kubeApiServer",
                "kubeControllerManager",
                "kubeEtcd",
                "kubeProxy",
                "kubeScheduler",
                "kubeStateMetrics",
                "kubelet",
                "nodeExporter",
                "prometheus",
                "prometheusOperator",
            }
        ),
        needed_by="serving",
    ),
    KnownChart(
        repository="https://kubernetes-sigs.github.io/metrics-server",
        name="metrics-server",
        treatment=Treatment.REAL,
        reason="the chart and the program come from one pinned module; it asks the kubelet here",
        images=("metrics-server",),
        needed_by="serving",
    ),
)
"""Every chart, in the order it is reported."""
WITHOUT_CHART: Mapping[Command, tuple[str, ...]] = {"cache": ("valkey-server",)}
"""Engines whose images pods need that the program declares itself."""


def find(chart: str, *, repository: str = "", version: str = "") -> KnownChart:
    """What this machine does with a chart.

    Args:
        chart: Its name, or its full reference (`oci://…`), as helm takes it.
        repository: Where it is published, when `chart` is a name alone.
        version: The version that the program asks for.

    Raises:
        InstanceError: The chart is not known, or is known at another version.
    """
    asked = f"{repository.rstrip('/')}/{chart}" if repository and "://" not in chart else chart
    known = next((each for each in CHARTS if each.reference == asked.rstrip("/")), None)
    if known is None:
        have = ", ".join(each.reference for each in CHARTS)
        msg = f"nothing here says what becomes of the chart {asked} on one machine; known are {have}"
        raise InstanceError(msg, remedy="correct the name, or add a line with its reason to slipway/embedded/charts.py")
    if known.version and version.removeprefix("v") != known.version:
        said = f"the version {version}" if version else "no version"
        msg = f"the program asks for {said} of the chart {known.reference}, and this machine has {known.version}"
        remedy = f"state {known.version}, or pin another one in slipway/engines/modules and build it"
        raise InstanceError(msg, remedy=remedy)
    return known


def additions(known: KnownChart, region: str) -> dict[str, Any]:
    """Values that this machine adds to those of a release, as what they say is so here and nowhere else.

    Args:
        known: The chart.
        region: The AWS region.

    Returns:
        Values to lay over the program's; lists are added to the end of its own.
    """
    # One node runs pods: this one. On bought nodes a pod reads Running, and nothing runs.
    here = {"replicas": 1, "nodeSelector": {REAL: "true"}}
    if known.name == "descheduler":
        return here
    if known.name == "gateway-helm":
        on_it = {"nodeSelector": {REAL: "true"}}
        return {
            "deployment": {"replicas": 1, "pod": on_it},
            "podDisruptionBudget": {"minAvailable": 0},
            "certgen": {"job": on_it},
        }
    if known.name in ("keda", "kube-prometheus-stack"):
        return {"nodeSelector": {REAL: "true"}, "image": {"pullPolicy": "IfNotPresent"}}
    if known.name == "metrics-server":
        # The kubelet's certificate is its own; Nodes without a kubelet have nothing to tell.
        return {**here, "args": ["--kubelet-insecure-tls", f"--node-selector={REAL}=true"]}
    if known.name != "karpenter":
        return {}
    env = {
        # Pod identity and the metadata service are not here; the key opens nothing anywhere else.
        "AWS_ACCESS_KEY_ID": DUMMY_KEY,
        "AWS_SECRET_ACCESS_KEY": DUMMY_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://{BRIDGE_ADDRESS}:{AWS_PORT}",
        "AWS_REGION": region,
    }
    return {
        **here,
        # No call is tried with DryRun first. `isolatedVPC` would leave the instance profiles of NodeClasses behind.
        "settings": {"disableDryRun": True},
        "controller": {"env": [{"name": name, "value": value} for name, value in env.items()]},
    }


def images(programs: Programs, needed_by: Command) -> Iterator[ImageFile]:
    """The images that the pods of real charts, and of what the program declares itself, need, made now if need be.

    Args:
        programs: What `slipway.engines.build.ensure(needed_by, …)` found.
        needed_by: Of which stacks.

    Raises:
        EngineError: A program was not built.
    """
    for known in CHARTS:
        if known.needed_by == needed_by:
            yield from (image_of(engine, programs) for engine in known.images)
    yield from (image_of(engine, programs) for engine in WITHOUT_CHART.get(needed_by, ()))
