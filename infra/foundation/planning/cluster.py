"""The cluster: its control plane, who may do what in it, and the few nodes that carry what buys all others.

https://docs.aws.amazon.com/eks/latest/best-practices/
"""

from dataclasses import dataclass
from typing import Any

from infra.encryption import using
from infra.foundation.planning.addons import AddOnSpec, plan_add_ons
from infra.foundation.planning.keys import SECRETS
from infra.iam import document, trusting_service
from infra.place import Place
from infra.settings import EksCluster, Settings

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
SYSTEM_TAINT = "CriticalAddonsOnly"
"""What keeps all but system pods away from the system nodes; the add-ons of EKS tolerate it."""
PURPOSE = "slipway.dev/purpose"
"""The label that says what a node is for."""
_SYSTEM_VOLUME_GIB = 50
_NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly", "AmazonSSMManagedInstanceCore")


@dataclass(frozen=True, kw_only=True)
class NodeRoleSpec:
    """The role of nodes. What pods may do is none of it: they have roles of their own.

    Attributes:
        name: Its name.
        trust: Who takes it.
        policies: ARNs of policies that AWS keeps.
        tags: Its tags.
    """

    name: str
    trust: dict[str, Any]
    policies: tuple[str, ...]
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class SystemNodesSpec:
    """The system nodes.

    Attributes:
        name: The node group's name.
        role: Their role.
        instances: Types they may be.
        min: The least there are.
        size: How many there are at first.
        max: The most there are.
        volume_gib: Size of their volume.
        labels: What Kubernetes knows them by.
        taint: Key of the taint that keeps others away.
        tags: Tags of the group, and of its instances and volumes.
    """

    name: str
    role: NodeRoleSpec
    instances: tuple[str, ...]
    min: int
    size: int
    max: int
    volume_gib: int
    labels: dict[str, str]
    taint: str
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ClusterSpec:
    """A cluster of EKS.

    Attributes:
        place: Where it is.
        name: Its name; also the context's, the queue's, and the value of the discovery tag.
        arn: Its ARN.
        version: Of Kubernetes.
        private: Whether its API is reached from inside the network.
        public_from: From where on the internet.
        services_cidr: Addresses of Services.
        log_group: Where its logs go: EKS has a name for it, and would make it without end.
        log_days: How long they are kept.
        role: Name of the role that EKS itself takes.
        trust: Who takes it.
        encrypts: What that role may do with the key of Secrets.
        admins: Principals that may do everything in it.
        system: Its system nodes.
        bought: The role of nodes that Karpenter buys.
        add_ons: Its add-ons.
        tags: Its tags.
    """

    place: Place
    name: str
    arn: str
    version: str
    private: bool
    public_from: tuple[str, ...]
    services_cidr: str
    log_group: str
    log_days: int
    role: str
    trust: dict[str, Any]
    encrypts: dict[str, Any]
    admins: tuple[str, ...]
    system: SystemNodesSpec
    bought: NodeRoleSpec
    add_ons: tuple[AddOnSpec, ...]
    tags: dict[str, str]


def plan_cluster(settings: Settings, place: Place) -> ClusterSpec | None:
    """Plan the cluster; None for a stack whose cluster exists, or that has none."""
    cluster = settings.cluster
    if not isinstance(cluster, EksCluster):
        return None
    return ClusterSpec(
        place=place,
        name=cluster.name,
        arn=place.arn("eks", f"cluster/{cluster.name}"),
        version=cluster.version,
        private=cluster.endpoint.private,
        public_from=cluster.endpoint.public_from,
        services_cidr=cluster.services_cidr,
        log_group=f"/aws/eks/{cluster.name}/cluster",
        log_days=cluster.logs.retention_days,
        role=place.role_name("cluster"),
        trust=trusting_service("eks.amazonaws.com"),
        # https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html
        encrypts=document(
            using(place, SECRETS, "kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "kms:ListGrants", "kms:CreateGrant")
        ),
        admins=cluster.admins,
        system=_system(cluster, place),
        bought=_node_role(place, bought_role(place)),
        add_ons=plan_add_ons(cluster, place),
        tags=place.tags("cluster"),
    )


def bought_role(place: Place) -> str:
    """The name of the role of nodes that Karpenter buys; node classes name it."""
    return place.role_name("node")


def _system(cluster: EksCluster, place: Place) -> SystemNodesSpec:
    nodes = cluster.system
    return SystemNodesSpec(
        name=f"{place.prefix}-system",
        role=_node_role(place, place.role_name("system-node")),
        instances=nodes.instances,
        min=nodes.min,
        size=nodes.size,
        max=nodes.max,
        volume_gib=_SYSTEM_VOLUME_GIB,
        labels={PURPOSE: "system"},
        taint=SYSTEM_TAINT,
        tags=place.tags("system"),
    )


def _node_role(place: Place, name: str) -> NodeRoleSpec:
    return NodeRoleSpec(
        name=name,
        trust=trusting_service("ec2.amazonaws.com"),
        policies=tuple(place.aws_policy(policy) for policy in _NODE_POLICIES),
        tags=place.tags(name.removeprefix(f"{place.prefix}-")),
    )
