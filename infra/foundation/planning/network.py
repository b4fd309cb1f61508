"""The network: which subnets in which zones, where each of them leads, and what is reached without leaving.

https://docs.aws.amazon.com/eks/latest/best-practices/subnets.html
"""

import ipaddress
from dataclasses import dataclass
from typing import Literal

from infra.place import Place
from infra.settings import EksCluster, Settings
from infra.settings.network import Network

Kind = Literal["public", "private", "intra"]
DISCOVERY = "karpenter.sh/discovery"
"""The tag by which node classes find subnets and security groups: its value is the cluster's name."""

_ROLES: dict[Kind, dict[str, str]] = {
    # https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/subnet_discovery/
    "public": {"kubernetes.io/role/elb": "1"},
    "private": {"kubernetes.io/role/internal-elb": "1"},
    "intra": {},
}
GATEWAYS = ("s3", "dynamodb")
"""Services that are reached through the route tables, without cost."""
INTERFACES = {
    "ec2": "Karpenter buys, the CNI attaches addresses, the volumes' driver attaches volumes",
    "ecr.api": "nodes ask where an image is",
    "ecr.dkr": "nodes pull it; its layers come from S3",
    "eks": "nodes and Karpenter ask for the cluster",
    "eks-auth": "pods are given the credentials of their role (Pod Identity)",
    "elasticloadbalancing": "the load balancer controller",
    "kms": "what is encrypted with the stack's keys is read",
    "logs": "logs are written",
    "secretsmanager": "secrets are read by name",
    "sqs": "Karpenter hears of interruptions; models send what people are to see",
    "ssm": "Karpenter looks images up; a node can be entered without SSH",
    "ssmmessages": "a node can be entered without SSH",
    "sts": "roles are taken",
}
"""Services that get an endpoint in every zone when the stack file wants private ones, with who calls them."""


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """One subnet.

    Attributes:
        name: Kind and zone: `private-a`.
        kind: `public` for load balancers, `private` for nodes and pods, `intra` for EKS and endpoints.
        zone: Its availability zone.
        cidr: Its addresses.
        nat: The subnet whose NAT gateway its routes lead to; empty when they lead nowhere.
        tags: All of them.
    """

    name: str
    kind: Kind
    zone: str
    cidr: str
    nat: str
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """A network.

    Attributes:
        place: Where it is.
        cidr: Its addresses.
        subnets: All of them, zone by zone.
        nats: The public subnets that have a NAT gateway.
        gateways: Services reached through the route tables.
        interfaces: Services with an endpoint in every zone.
        flow_log_days: How long it is remembered who spoke to whom.
    """

    place: Place
    cidr: str
    subnets: tuple[Subnet, ...]
    nats: tuple[str, ...]
    gateways: tuple[str, ...]
    interfaces: tuple[str, ...]
    flow_log_days: int

    def of_kind(self, kind: Kind) -> list[Subnet]:
        """The subnets of one kind, in the order of the zones."""
        return [subnet for subnet in self.subnets if subnet.kind == kind]


def plan_network(settings: Settings, place: Place) -> NetworkSpec | None:
    """Plan the network; None for a stack without one."""
    network = settings.network
    if network is None:
        return None
    cluster = settings.cluster.name if isinstance(settings.cluster, EksCluster) else ""
    letters = [zone[-1] for zone in network.zones]
    nats = {"none": [], "single": letters[:1], "per-zone": letters}[network.nat]
    return NetworkSpec(
        place=place,
        cidr=network.cidr,
        subnets=tuple(_subnets(network, place, cluster, nats)),
        nats=tuple(f"public-{letter}" for letter in nats),
        gateways=GATEWAYS,
        interfaces=tuple(INTERFACES) if network.private_endpoints else (),
        flow_log_days=network.flow_logs.retention_days,
    )


def _subnets(network: Network, place: Place, cluster: str, nats: list[str]) -> list[Subnet]:
    """Quarters of the network, in the order of the file, so that a third zone moves nothing.

    The first three quarters are private, one for each zone: pods take their addresses from them. The last one is cut
    into eighths: public ones from its start, intra ones from its middle.
    """
    quarters = list(ipaddress.IPv4Network(network.cidr).subnets(prefixlen_diff=2))
    eighths = list(quarters[3].subnets(prefixlen_diff=3))
    subnets: list[Subnet] = []
    for index, zone in enumerate(network.zones):
        letter = zone[-1]
        blocks: dict[Kind, ipaddress.IPv4Network] = {
            "public": eighths[index],
            "private": quarters[index],
            "intra": eighths[4 + index],
        }
        nat = f"public-{letter if letter in nats else nats[0]}" if nats else ""
        for kind, block in blocks.items():
            name = f"{kind}-{letter}"
            found_by = {DISCOVERY: cluster} if cluster and kind == "private" else {}
            subnets.append(
                Subnet(
                    name=name,
                    kind=kind,
                    zone=zone,
                    cidr=str(block),
                    nat=nat if kind == "private" else "",
                    tags=place.tags(name, **_ROLES[kind], **found_by),
                )
            )
    return subnets
