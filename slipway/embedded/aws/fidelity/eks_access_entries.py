"""Access entries: who may use a cluster, without a ConfigMap.

moto 5.2 has none.
https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html

They are held as state: nothing here grants anything in the real API server.
"""

from typing import Any

from moto.core.utils import utcnow
from moto.eks.models import Cluster, EKSBackend
from moto.moto_api._internal import mock_random

from slipway.embedded.aws.fidelity.eks_clusters import authentication_mode
from slipway.embedded.aws.fidelity.eks_operations import cluster_of, in_use, invalid, not_found, of_cluster, serve
from slipway.embedded.aws.fidelity.paging import page

_POLICY_PREFIX = ":eks::aws:cluster-access-policy/"
POLICIES = (
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
)
"""https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html"""


def amend() -> None:
    """Amend moto in this process."""
    entries = "/clusters/(?P<name>[^/]+)/access-entries"
    # A principal is an ARN, with slashes in it; which operation it is, moto finds out from method and path.
    one, policies = f"{entries}/(?P<principalArn>.+)", f"{entries}/(?P<principalArn>.+)/access-policies"
    serve("CreateAccessEntry", f"{entries}$", _create)
    serve("ListAccessEntries", f"{entries}$", _list)
    serve("DescribeAccessEntry", f"{one}$", lambda backend, request: {"accessEntry": _entry(backend, request)})
    serve("UpdateAccessEntry", f"{one}$", _update)
    serve("DeleteAccessEntry", f"{one}$", _delete)
    serve("AssociateAccessPolicy", f"{policies}$", _associate)
    serve("ListAssociatedAccessPolicies", f"{policies}$", _list_associated)
    serve("DisassociateAccessPolicy", f"{policies}/(?P<policyArn>.+)$", _disassociate)
    serve("ListAccessPolicies", "/access-policies$", _list_policies)


def ensure(backend: EKSBackend, cluster: Cluster, principal: str, kind: str) -> None:
    """Make an entry where there is none, as EKS does for the role of a node group."""
    if principal not in of_cluster(cluster, "access_entries"):
        _make(backend, cluster, {"principalArn": principal, "type": kind})


def _make(backend: EKSBackend, cluster: Cluster, request: dict[str, Any]) -> dict[str, Any]:
    principal, kind = request["principalArn"], request.get("type") or "STANDARD"
    _, _, who = principal.partition(":iam::")
    account, _, path = who.partition(":")
    name = path.rpartition("/")[2]
    arn = f"arn:{backend.partition}:eks:{backend.region_name}:{backend.account_id}:access-entry/{cluster.name}"
    by_kind = {
        "STANDARD": principal
        if path.startswith("user/")
        else f"arn:aws:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}",
        "FARGATE_LINUX": "system:node:{{SessionName}}",
    }
    groups = {"STANDARD": [], "FARGATE_LINUX": ["system:bootstrappers", "system:nodes", "system:node-proxier"]}
    entry = {
        "clusterName": cluster.name,
        "principalArn": principal,
        "kubernetesGroups": list(request.get("kubernetesGroups") or groups.get(kind, ["system:nodes"])),
        "accessEntryArn": f"{arn}/{path.partition('/')[0]}/{account}/{name}/{mock_random.uuid4()}",
        "createdAt": utcnow(),
        "modifiedAt": utcnow(),
        "tags": dict(request.get("tags") or {}),
        "username": request.get("username") or by_kind.get(kind, "system:node:{{EC2PrivateDNSName}}"),
        "type": kind,
        "policies": {},
    }
    of_cluster(cluster, "access_entries")[principal] = entry
    return entry


def _create(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster = cluster_of(backend, request["clusterName"])
    if authentication_mode(cluster) == "CONFIG_MAP":
        raise invalid(
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this "
            "operation."
        )
    if ":iam::" not in request["principalArn"]:
        raise invalid("The principalArn parameter format is not valid")
    if request["principalArn"] in of_cluster(cluster, "access_entries"):
        raise in_use("The specified access entry resource is already in use on this cluster.")
    return {"accessEntry": _make(backend, cluster, request)}


def _entry(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    entries = of_cluster(cluster_of(backend, request["clusterName"]), "access_entries")
    if request["principalArn"] not in entries:
        raise not_found(f"The specified principalArn could not be found: {request['principalArn']}")
    entry: dict[str, Any] = entries[request["principalArn"]]
    return entry


def _list(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    entries = of_cluster(cluster_of(backend, request["clusterName"]), "access_entries")
    policy = request.get("associatedPolicyArn")
    found = [principal for principal, entry in entries.items() if not policy or policy in entry["policies"]]
    part, token = page(found, request.get("maxResults"), request.get("nextToken"))
    return {"accessEntries": part, "nextToken": token}


def _update(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    entry = _entry(backend, request)
    entry |= {key: request[key] for key in ("kubernetesGroups", "username") if request.get(key) is not None}
    entry["modifiedAt"] = utcnow()
    return {"accessEntry": entry}


def _delete(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    entry = _entry(backend, request)
    del of_cluster(cluster_of(backend, request["clusterName"]), "access_entries")[entry["principalArn"]]
    return {}


def _associate(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    entry, arn = _entry(backend, request), request["policyArn"]
    if _POLICY_PREFIX not in arn or arn.rpartition("/")[2] not in POLICIES:
        raise invalid(f"The policyArn parameter is not valid: {arn}")
    before = entry["policies"].get(arn, {})
    entry["policies"][arn] = policy = {
        "policyArn": arn,
        "accessScope": request["accessScope"],
        "associatedAt": before.get("associatedAt") or utcnow(),
        "modifiedAt": utcnow(),
    }
    return {
        "clusterName": entry["clusterName"],
        "principalArn": entry["principalArn"],
        "associatedAccessPolicy": policy,
    }


def _list_associated(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    entry = _entry(backend, request)
    part, token = page(list(entry["policies"].values()), request.get("maxResults"), request.get("nextToken"))
    names = {key: entry[key] for key in ("clusterName", "principalArn")}
    return {**names, "associatedAccessPolicies": part, "nextToken": token}


def _disassociate(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    if _entry(backend, request)["policies"].pop(request["policyArn"], None) is None:
        raise not_found(f"The access policy {request['policyArn']} is not associated with this access entry.")
    return {}


def _list_policies(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    arns = [{"name": name, "arn": f"arn:{backend.partition}{_POLICY_PREFIX}{name}"} for name in POLICIES]
    part, token = page(arns, request.get("maxResults"), request.get("nextToken"))
    return {"accessPolicies": part, "nextToken": token}
