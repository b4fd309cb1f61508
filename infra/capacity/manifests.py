"""Specs as the objects of Kubernetes that they are: Karpenter v1.14's NodePool and EC2NodeClass. Pure.

Every field is held to the CRDs of that version by tests/infra/capacity/test_manifests.py.
"""

from collections.abc import Mapping
from typing import Any

from infra.capacity.names import DISCOVERY
from infra.capacity.specs import BudgetSpec, NodeClassSpec, NodePoolSpec, Requirement, Taint, VolumeSpec

NODE_POOL = ("karpenter.sh/v1", "NodePool")
NODE_CLASS = ("karpenter.k8s.aws/v1", "EC2NodeClass")


def node_pool(spec: NodePoolSpec) -> dict[str, Any]:
    """The `spec` of a NodePool."""
    node: dict[str, Any] = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": NODE_CLASS[1], "name": spec.pool},
        "requirements": [_requirement(each) for each in spec.requirements],
        "taints": [_taint(each) for each in spec.taints],
        # Here, and not beside `disruption`: they are the node's own.
        "expireAfter": spec.expire_after,
        "terminationGracePeriod": spec.termination_grace_period,
    }
    if spec.startup_taints:
        node["startupTaints"] = [_taint(each) for each in spec.startup_taints]
    found: dict[str, Any] = {
        "template": {"metadata": {"labels": dict(spec.labels)}, "spec": node},
        "disruption": {
            "consolidationPolicy": spec.consolidation_policy,
            "consolidateAfter": spec.consolidate_after,
            "budgets": [_budget(each) for each in spec.budgets],
        },
        "limits": dict(spec.limits),
    }
    return found if spec.weight is None else {**found, "weight": spec.weight}


def node_class(spec: NodeClassSpec, *, cluster: Any, role: Any) -> dict[str, Any]:
    """The `spec` of an EC2NodeClass.

    Args:
        spec: What is planned.
        cluster: The cluster's name, or what will be.
        role: Name of the nodes' IAM role, or what will be.
    """
    nearby = [{"tags": {DISCOVERY: cluster}}]
    found: dict[str, Any] = {
        "amiSelectorTerms": [{"alias": spec.ami}],
        "role": role,
        "subnetSelectorTerms": nearby,
        "securityGroupSelectorTerms": nearby,
        "associatePublicIPAddress": False,
        # Pods cannot take the node's identity: their requests to the metadata service are a hop too far.
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        "blockDeviceMappings": [_volume(each) for each in spec.volumes],
        "kubelet": dict(spec.kubelet),
        "tags": dict(spec.tags),
    }
    if spec.raid:
        found["instanceStorePolicy"] = "RAID0"
    if spec.reservation_ids:
        found["capacityReservationSelectorTerms"] = [{"id": each} for each in spec.reservation_ids]
    if spec.reservation_tags:
        found["capacityReservationSelectorTerms"] = [{"tags": dict(spec.reservation_tags)}]
    return found


def _requirement(requirement: Requirement) -> dict[str, Any]:
    return {"key": requirement.key, "operator": requirement.operator, "values": list(requirement.values)}


def _taint(taint: Taint) -> dict[str, str]:
    return {"key": taint.key, "value": taint.value, "effect": taint.effect}


def _budget(budget: BudgetSpec) -> dict[str, Any]:
    optional: Mapping[str, Any] = {
        "reasons": list(budget.reasons),
        "schedule": budget.schedule,
        "duration": budget.duration,
    }
    return {"nodes": budget.nodes, **{key: value for key, value in optional.items() if value}}


def _volume(volume: VolumeSpec) -> dict[str, Any]:
    disk: dict[str, Any] = {
        "volumeType": "gp3",
        "volumeSize": volume.size,
        "encrypted": True,
        "deleteOnTermination": True,
    }
    optional = {"iops": volume.iops, "throughput": volume.throughput}
    return {
        "deviceName": volume.device,
        "ebs": {**disk, **{key: value for key, value in optional.items() if value is not None}},
    }
