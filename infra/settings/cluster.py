"""The cluster that models are deployed to: one that exists, or one of EKS that this stack makes.

https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from infra.settings.network import Block, PrivateBlock, block_of
from infra.settings.retention import LogDays
from infra.settings.section import Absent, Either, Section
from infra.settings.texts import filled, matching, written
from infra.settings.wording import listed, shown

_NAME = r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"
_ROLE = r"arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:(?:role|user)/[A-Za-z0-9+=,.@_/-]{1,512}"
_INSTANCE = r"[a-z][a-z0-9-]{1,12}\.[a-z0-9-]{2,15}"
_NAMESPACE = r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A first part with neither dot nor port would be a user of Docker Hub.
_REGISTRY = (
    r"(?:(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::[0-9]{1,5})?|[a-z0-9-]+:[0-9]{1,5})"
    r"(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
NAMESPACE = "models"
"""The Kubernetes namespace in which models run, unless the stack file names another."""
_ADD_ON_VERSION = r"v[0-9]+(?:\.[0-9]+){1,2}-eksbuild\.[0-9]+"
_VERSIONS = ("1.33", "1.34")
"""Versions of Kubernetes that EKS makes clusters of, and the add-ons' table has pins for."""
_WIDEST = 8
AddOn = Literal[
    "aws-ebs-csi-driver",
    "coredns",
    "eks-pod-identity-agent",
    "kube-proxy",
    "metrics-server",
    "vpc-cni",
]
"""Add-ons of EKS that a cluster has, by name."""


Program = Literal["envoy-gateway", "keda", "metrics-server", "prometheus"]
"""What a gateway needs in a cluster, and models that scale."""


def _version(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        msg = f'{shown(value)} is a number, in which 1.30 and 1.3 are the same; write it in quotes, such as "1.34"'
        raise ValueError(msg)  # noqa: TRY004  # pydantic tells a ValueError with its key
    if value not in _VERSIONS:
        msg = f"{shown(value)} is not a version that is pinned here; write one of {listed(_VERSIONS)}, in quotes"
        raise ValueError(msg)
    return str(value)


def _public(text: str) -> str:
    if block_of(text).prefixlen < _WIDEST:
        msg = f"{shown(text)} lets the world in; write the addresses that people and CI come from"
        raise ValueError(msg)
    return text


def _services(text: str) -> str:
    # https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html
    if not 12 <= block_of(text).prefixlen <= 24:
        msg = f"{shown(text)} cannot hold the addresses of Services; EKS takes /12 to /24"
        raise ValueError(msg)
    return text


Name = Annotated[
    str,
    matching(_NAME, "a cluster's name; use at most 40 lower-case letters, digits and dashes, a letter first"),
    written(_NAME),
]
Principal = Annotated[
    str,
    matching(_ROLE, "the ARN of a role or user, such as arn:aws:iam::111122223333:role/platform"),
    written(_ROLE),
]
Namespace = Annotated[
    str,
    matching(_NAMESPACE, "a namespace; use at most 63 lower-case letters, digits and dashes, a letter first"),
    written(_NAMESPACE),
]
Registry = Annotated[
    str,
    matching(_REGISTRY, "a registry's address; write HOST/PATH or HOST:PORT/PATH, such as localhost:5001/slipway"),
    written(_REGISTRY),
]
InstanceType = Annotated[str, matching(_INSTANCE, "an instance type; write one such as m7i.large"), written(_INSTANCE)]
AddOnVersion = Annotated[
    str, matching(_ADD_ON_VERSION, "an add-on's version, such as v1.20.4-eksbuild.2"), written(_ADD_ON_VERSION)
]
_FILLED = filled("write at least one")
Some = Field(json_schema_extra={"minItems": 1})
Count = Annotated[int, Field(ge=1, le=20, strict=True)]


class ExistingCluster(Section):
    """A cluster that exists, and is reached by a kubeconfig."""

    context: Annotated[str, Field(min_length=1)]
    """Context of the kubeconfig in the environment. It is named so that no other cluster is ever meant by accident."""
    installed: tuple[Program, ...] = ()
    """What the cluster has already of that which slipway:gateway and models with `scaling` need; the rest is installed.
    Its Prometheus is the Service prometheus-operated in the namespace monitoring, and takes every PodMonitor."""
    namespace: Namespace = NAMESPACE
    """The namespace of the models, which the stack makes: another one where others have that in the cluster already."""
    registry: Annotated[Registry | None, Absent()] = None
    """Where `slipway up --context` pushes images of `image: built` to, as the cluster's nodes know it: HOST:PORT/PATH.
    One on this machine is spoken to without TLS, any other with it, as whom `docker login` or `skopeo login` left."""


class Endpoint(Section):
    """Where the cluster's API can be reached from."""

    private: Annotated[bool, Field(strict=True)] = True
    """From inside the network. Nodes then never leave it."""
    public_from: tuple[Annotated[Block, AfterValidator(_public)], ...] = ()
    """Addresses of the internet that reach it as well, such as those of an office and of CI; none when empty."""


class SystemNodes(Section):
    """The few nodes that are always there: they carry what buys and configures all others."""

    instances: Annotated[tuple[InstanceType, ...], _FILLED, Some] = (
        "m7i.large",
        "m7a.large",
        "m6i.large",
    )
    """Types they may be; several of one size, so that a shortage of one is none of the cluster."""
    min: Count = 2
    """The least there are; two outlive the loss of a zone."""
    size: Count = 2
    """How many there are at first."""
    max: Count = 4
    """The most there are."""

    @model_validator(mode="after")
    def _ordered(self) -> "SystemNodes":
        if not self.min <= self.size <= self.max:
            msg = f"has min {self.min}, size {self.size}, max {self.max}; they must not fall"
            raise ValueError(msg)
        return self


class ControlPlaneLogs(Section):
    """What the control plane tells of itself: all of its logs, audit included."""

    retention_days: LogDays = 90
    """How long they are kept."""


class EksCluster(Section):
    """A cluster of EKS that this stack makes."""

    name: Name
    """Its name in AWS; also that of the kubeconfig context. It cannot be changed without a new cluster."""
    version: Annotated[str, BeforeValidator(_version), WithJsonSchema({"type": "string", "enum": list(_VERSIONS)})]
    """Version of Kubernetes, in quotes. It can go up by one at a time, and never down."""
    endpoint: Endpoint = Field(default_factory=Endpoint)
    """Where its API can be reached from."""
    services_cidr: Annotated[PrivateBlock, AfterValidator(_services)] = "172.20.0.0/16"
    """Addresses of its Services; no part of the network's, and of nothing that pods should reach."""
    admins: Annotated[tuple[Principal, ...], _FILLED, Some]
    """Roles that may do everything in it. The one that runs `pulumi up` is one of them: whoever makes a cluster gets no
    rights by it."""
    system: SystemNodes = Field(default_factory=SystemNodes)
    """The few nodes that are always there."""
    logs: ControlPlaneLogs = Field(default_factory=ControlPlaneLogs)
    """What the control plane tells of itself."""
    add_ons: dict[AddOn, AddOnVersion] = Field(default_factory=dict)
    """Versions of add-ons in place of those pinned in infra/foundation/planning/addons.py, by name."""


def _which(value: Any) -> type[Section]:
    if not isinstance(value, dict) or "context" in value:
        return ExistingCluster
    if "name" not in value and "version" not in value:
        msg = (
            'says neither which cluster exists (`context: NAME`) nor which EKS is to make (`name`, `version: "1.34"` …)'
        )
        raise ValueError(msg)
    return EksCluster


Cluster: TypeAlias = Annotated[ExistingCluster | EksCluster, Either(_which)]
"""The cluster that models are deployed to."""
