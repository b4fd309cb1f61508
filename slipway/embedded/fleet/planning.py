"""From an instance of EC2, and who asked for it, to the Node that would join the cluster. Pure.

What is on a Node: kubelet's own labels, those of the cloud controller, and what the launch template tells kubelet: for
Karpenter the labels and taints of the NodeClaim, for a managed node group those of the group.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from slipway.embedded.fleet import sizing
from slipway.embedded.fleet.sizing import InstanceType

Manifest = dict[str, Any]
"""A Kubernetes object as JSON."""

MARK = "kwok.x-k8s.io/node"
"""Annotation of every Node here, for people; as label it says that its kubelet lives: KWOK keeps such Nodes.

A label, as KWOK learns of the loss of an annotation only at its next start (v0.8.0, pkg/utils/informer/event.go).
"""
FAKE = "fake"
CLUSTER = "fleet.slipway/cluster"
"""Annotation of every Node here: the EKS cluster whose instance it is; a controller touches no others."""
UNREGISTERED = "karpenter.sh/unregistered"
REGISTERED = "karpenter.sh/registered"

_CLUSTER_TAGS = ("eks:cluster-name", "eks:eks-cluster-name")
_POOL_TAG = "karpenter.sh/nodepool"
_GROUP_TAG = "eks:nodegroup-name"
_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
_SIZES = ("cpu", "memory", "ephemeral-storage", "pods")


@dataclass(frozen=True, kw_only=True)
class Bought:
    """An instance, as `DescribeInstances` shows it.

    Attributes:
        id: Its id.
        type: Its instance type.
        zone: Its availability zone, such as `us-east-1a`.
        zone_id: The zone's id, such as `use1-az1`; empty when it is not told.
        name: Its private DNS name: what its Node is called.
        address: Its private address.
        state: `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
        launched: When it was launched.
        image: Its AMI.
        tags: Its tags.
    """

    id: str
    type: str
    zone: str
    zone_id: str
    name: str
    address: str
    state: str
    launched: datetime
    image: str
    tags: Mapping[str, str]

    @classmethod
    def from_ec2(cls, raw: Mapping[str, Any]) -> Self:
        """Read an instance of an answer."""
        return cls(
            id=raw["InstanceId"],
            type=raw["InstanceType"],
            zone=raw["Placement"]["AvailabilityZone"],
            zone_id=raw["Placement"].get("AvailabilityZoneId", ""),
            name=raw.get("PrivateDnsName") or raw["InstanceId"],
            address=raw.get("PrivateIpAddress", ""),
            state=raw["State"]["Name"],
            launched=raw["LaunchTime"],
            image=raw.get("ImageId", ""),
            tags={tag["Key"]: tag["Value"] for tag in raw.get("Tags", [])},
        )

    @property
    def provider_id(self) -> str:
        """What Node and NodeClaim call it."""
        return f"aws:///{self.zone}/{self.id}"

    @property
    def group(self) -> str:
        """The managed node group it is of; empty when it is of none."""
        return self.tags.get(_GROUP_TAG, "")

    @property
    def claimed(self) -> bool:
        """Whether Karpenter bought it."""
        return _POOL_TAG in self.tags

    def is_of(self, cluster: str) -> bool:
        """Whether it joins a cluster."""
        owned = self.tags.get(f"kubernetes.io/cluster/{cluster}") == "owned"
        return owned or any(self.tags.get(tag) == cluster for tag in _CLUSTER_TAGS)


def node(
    instance: Bought,
    kind: InstanceType,
    *,
    cluster: str,
    claim: Manifest | None = None,
    group: Mapping[str, Any] | None = None,
) -> Manifest:
    """The Node of an instance at the moment it joins: without GPUs, with every startup taint.

    Args:
        instance: The instance.
        kind: Its type.
        cluster: The EKS cluster's name.
        claim: The NodeClaim that it answers, if Karpenter bought it.
        group: Its managed node group (`DescribeNodegroup`), if it is of one.
    """
    said = _of_claim(claim) if claim is not None else _of_group(instance, kind, group) if group is not None else None
    labels, taints, size = said or ({}, [], sizing.size(kind))
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": instance.name,
            "labels": {**labels, **_labels(instance, kind), MARK: FAKE},
            "annotations": {MARK: FAKE, CLUSTER: cluster},
        },
        "spec": {"providerID": instance.provider_id, "taints": taints},
        "status": {
            "capacity": {**sizing.size(kind).capacity, **size.capacity},
            "allocatable": {**sizing.size(kind).allocatable, **size.allocatable},
            "addresses": [
                {"type": "InternalIP", "address": instance.address},
                {"type": "InternalDNS", "address": instance.name},
                {"type": "Hostname", "address": instance.name},
            ],
            "nodeInfo": _node_info(sizing.architecture(kind)),
        },
    }


def startup_taints(claim: Manifest | None, known: frozenset[str]) -> frozenset[str]:
    """Keys of the taints that go once their owners are ready: those the NodeClaim calls so, and the known ones."""
    called = claim.get("spec", {}).get("startupTaints", []) if claim is not None else []
    return known | {taint["key"] for taint in called}


def region_of(zone: str) -> str:
    """The region of a zone; also of a local one, such as `us-east-1-bos-1a`."""
    found = re.match(r"(?:[a-z]+-)+\d+", zone)
    return found[0] if found else zone


def _labels(instance: Bought, kind: InstanceType) -> dict[str, str]:
    """What kubelet and the cloud controller put on every Node.

    https://kubernetes.io/docs/reference/labels-annotations-taints/
    """
    architecture, region = sizing.architecture(kind), region_of(instance.zone)
    labels = {
        "kubernetes.io/hostname": instance.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": architecture,
        "node.kubernetes.io/instance-type": instance.type,
        "beta.kubernetes.io/instance-type": instance.type,
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": instance.zone,
        "failure-domain.beta.kubernetes.io/region": region,
        "failure-domain.beta.kubernetes.io/zone": instance.zone,
    }
    return {**labels, "topology.k8s.aws/zone-id": instance.zone_id} if instance.zone_id else labels


def _of_claim(claim: Manifest) -> tuple[dict[str, str], list[Manifest], sizing.Size]:
    """What Karpenter's user data tells kubelet; the NodeClass' kubelet settings are in the claim's own figures.

    The taint holds pods off until Karpenter has put the rest on the Node (sigs.k8s.io/karpenter,
    pkg/controllers/nodeclaim/lifecycle/registration.go).
    """
    spec, status = claim.get("spec", {}), claim.get("status", {})
    taints = [{"key": UNREGISTERED, "effect": "NoExecute"}, *spec.get("taints", []), *spec.get("startupTaints", [])]
    figures = [{k: v for k, v in status.get(part, {}).items() if k in _SIZES} for part in ("capacity", "allocatable")]
    return dict(claim["metadata"].get("labels", {})), taints, sizing.Size(*figures)


def _of_group(
    instance: Bought, kind: InstanceType, group: Mapping[str, Any]
) -> tuple[dict[str, str], list[Manifest], sizing.Size]:
    """What EKS's launch template tells kubelet.

    https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html
    """
    labels = {
        **group.get("labels", {}),
        "eks.amazonaws.com/nodegroup": group["nodegroupName"],
        "eks.amazonaws.com/capacityType": group.get("capacityType", "ON_DEMAND"),
        "eks.amazonaws.com/nodegroup-image": instance.image,
    }
    taints = [
        {
            "key": taint["key"],
            **({"value": taint["value"]} if taint.get("value") else {}),
            "effect": _EFFECTS[taint["effect"]],
        }
        for taint in group.get("taints", [])
    ]
    disk = group.get("diskSize") or 20
    return labels, taints, sizing.size(kind, pods=sizing.pods_of_managed_group(kind), disk_gib=disk)


def _node_info(architecture: str) -> dict[str, str]:
    """The Node says that it is simulated wherever a real one says what it runs."""
    said = dict.fromkeys(
        ("containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion"), "simulated"
    )
    identity = dict.fromkeys(("bootID", "machineID", "systemUUID"), "")
    return {**said, **identity, "architecture": architecture, "operatingSystem": "linux", "osImage": "simulated"}
