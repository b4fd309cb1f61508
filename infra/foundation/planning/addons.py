"""Add-ons of EKS: the one table of their pins, and what is not as EKS would have it.

https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html; the newest one of a version of
Kubernetes: `aws eks describe-addon-versions --kubernetes-version 1.34 --addon-name NAME`.
"""

from dataclasses import dataclass
from typing import Any

from infra.place import Place
from infra.settings.cluster import AddOn, EksCluster

_SYSTEM_ONLY = [{"key": "CriticalAddonsOnly", "operator": "Exists"}]


@dataclass(frozen=True, kw_only=True)
class _Pin:
    """A version, and whether nodes need the add-on to become ready: then it is there before them."""

    version: str | dict[str, str]
    before_nodes: bool
    values: dict[str, Any]


PINS: dict[AddOn, _Pin] = {
    # Pods get addresses of the network; NetworkPolicies hold. The agent of the latter is off unless asked for.
    "vpc-cni": _Pin(version="v1.21.1-eksbuild.1", before_nodes=True, values={"enableNetworkPolicy": "true"}),
    # Follows the version of Kubernetes: one of it for each.
    "kube-proxy": _Pin(
        version={"1.33": "v1.33.7-eksbuild.2", "1.34": "v1.34.1-eksbuild.2"}, before_nodes=True, values={}
    ),
    # Brings the credentials with which the CNI attaches addresses: without it no node becomes ready.
    "eks-pod-identity-agent": _Pin(version="v1.3.10-eksbuild.2", before_nodes=True, values={}),
    "coredns": _Pin(version="v1.12.4-eksbuild.1", before_nodes=False, values={"tolerations": _SYSTEM_ONLY}),
    "aws-ebs-csi-driver": _Pin(
        version="v1.54.0-eksbuild.1", before_nodes=False, values={"controller": {"tolerations": _SYSTEM_ONLY}}
    ),
    # What autoscaling by processor and memory reads.
    "metrics-server": _Pin(version="v0.8.0-eksbuild.5", before_nodes=False, values={"tolerations": _SYSTEM_ONLY}),
}
"""By name. The versions are those that EKS had at the end of 2025 for Kubernetes 1.34."""


@dataclass(frozen=True, kw_only=True)
class AddOnSpec:
    """An add-on.

    Attributes:
        name: Its name.
        version: Its version.
        values: What is not as EKS would have it.
        before_nodes: Whether nodes need it to become ready.
        tags: Its tags.
    """

    name: str
    version: str
    values: dict[str, Any]
    before_nodes: bool
    tags: dict[str, str]


def plan_add_ons(cluster: EksCluster, place: Place) -> tuple[AddOnSpec, ...]:
    """All of them, at the versions of the stack file or of the table."""
    return tuple(
        AddOnSpec(
            name=name,
            version=cluster.add_ons.get(name) or _version(pin, cluster.version),
            values=pin.values,
            before_nodes=pin.before_nodes,
            tags=place.tags(name),
        )
        for name, pin in PINS.items()
    )


def _version(pin: _Pin, kubernetes: str) -> str:
    return pin.version if isinstance(pin.version, str) else pin.version[kubernetes]
