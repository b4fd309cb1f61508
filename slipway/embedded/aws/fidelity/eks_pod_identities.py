"""Pod identity associations: which role the pods of a service account have.

moto 5.2 has none.
https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html

They are held as state: no pod gets credentials by them here.
"""

from typing import Any

from moto.core.utils import utcnow
from moto.ec2.utils import random_id
from moto.eks.models import Cluster, EKSBackend

from slipway.embedded.aws.fidelity.eks_operations import cluster_of, in_use, not_found, of_cluster, serve
from slipway.embedded.aws.fidelity.paging import page

_SUMMARY = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")


def amend() -> None:
    """Amend moto in this process."""
    path = "/clusters/(?P<name>[^/]+)/pod-identity-associations"
    one = f"{path}/(?P<associationId>[^/]+)$"
    serve("CreatePodIdentityAssociation", f"{path}$", _create)
    serve("ListPodIdentityAssociations", f"{path}$", _list)
    serve("DescribePodIdentityAssociation", one, lambda backend, request: {"association": _found(backend, request)})
    serve("UpdatePodIdentityAssociation", one, _update)
    serve("DeletePodIdentityAssociation", one, _delete)


def associate(
    backend: EKSBackend, cluster: Cluster, request: dict[str, Any], owner: str | None = None
) -> dict[str, Any]:
    """Make an association.

    Raises:
        ResourceInUseException: The service account has one.
    """
    kept = of_cluster(cluster, "pod_identities")
    names = request["namespace"], request["serviceAccount"]
    if any((one["namespace"], one["serviceAccount"]) == names for one in kept.values()):
        raise in_use(f"Association already exists: {names[0]}/{names[1]}", clusterName=cluster.name)
    identifier = random_id("a")
    arn = f"arn:{backend.partition}:eks:{backend.region_name}:{backend.account_id}"
    kept[identifier] = association = {
        "clusterName": cluster.name,
        "namespace": names[0],
        "serviceAccount": names[1],
        "roleArn": request["roleArn"],
        "associationArn": f"{arn}:podidentityassociation/{cluster.name}/{identifier}",
        "associationId": identifier,
        "tags": dict(request.get("tags") or {}),
        "createdAt": utcnow(),
        "modifiedAt": utcnow(),
        "ownerArn": owner,
        "disableSessionTags": bool(request.get("disableSessionTags", False)),
        "targetRoleArn": request.get("targetRoleArn"),
        "externalId": f"{cluster.name}/{identifier}" if request.get("targetRoleArn") else None,
    }
    return association


def _create(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    return {"association": associate(backend, cluster_of(backend, request["clusterName"]), request)}


def _found(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    kept = of_cluster(cluster_of(backend, request["clusterName"]), "pod_identities")
    if request["associationId"] not in kept:
        raise not_found(f"No association found with association id: {request['associationId']}")
    association: dict[str, Any] = kept[request["associationId"]]
    return association


def _list(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    kept = of_cluster(cluster_of(backend, request["clusterName"]), "pod_identities").values()
    found = [
        {key: one[key] for key in _SUMMARY}
        for one in kept
        if all(request.get(key) in (None, one[key]) for key in ("namespace", "serviceAccount"))
    ]
    part, token = page(found, request.get("maxResults"), request.get("nextToken"))
    return {"associations": part, "nextToken": token}


def _update(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    association = _found(backend, request)
    given = ("roleArn", "disableSessionTags", "targetRoleArn")
    association |= {key: request[key] for key in given if request.get(key) is not None}
    association["modifiedAt"] = utcnow()
    return {"association": association}


def _delete(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    association = _found(backend, request)
    del of_cluster(cluster_of(backend, request["clusterName"]), "pod_identities")[association["associationId"]]
    return {"association": association}
