"""Updates of clusters, node groups and add-ons can be described and listed.

moto 5.2 has no `DescribeUpdate` and no `ListUpdates`, and answers an update of a cluster with something else.
https://docs.aws.amazon.com/eks/latest/APIReference/API_Update.html

Whoever asks for an update waits for it by its id. The answer to the request says `InProgress`; whoever looks afterwards
sees `Successful`: here nothing takes time.
"""

import json
from typing import Any

from moto.core.utils import utcnow
from moto.eks.models import Cluster, EKSBackend
from moto.moto_api._internal import mock_random

from slipway.embedded.aws.fidelity.eks_operations import cluster_of, not_found, of_cluster, serve
from slipway.embedded.aws.fidelity.paging import page


def record(cluster: Cluster, kind: str, params: dict[str, Any], **of: str | None) -> dict[str, Any]:
    """Keep an update, and give the picture of one that has just begun.

    Args:
        cluster: Whose.
        kind: `VersionUpdate`, `ConfigUpdate`, ….
        params: What is changed, by the names of `UpdateParamType`.
        of: `nodegroup` or `addon`, where it is of one.
    """
    update: dict[str, Any] = {
        "id": str(mock_random.uuid4()),
        "status": "Successful",
        "type": kind,
        "params": [
            {"type": name, "value": value if isinstance(value, str) else json.dumps(value, default=str)}
            for name, value in params.items()
        ],
        "createdAt": utcnow(),
        "errors": [],
    }
    of_cluster(cluster, "updates")[update["id"]] = (of, update)
    return {**update, "status": "InProgress"}


def amend() -> None:
    """Amend moto in this process."""
    serve("DescribeUpdate", "/clusters/(?P<name>[^/]+)/updates/(?P<updateId>[^/]+)$", _describe)
    serve("ListUpdates", "/clusters/(?P<name>[^/]+)/updates$", _list)


def _wanted(request: dict[str, Any]) -> dict[str, str]:
    names = {"nodegroup": "nodegroupName", "addon": "addonName"}
    return {kind: request[name] for kind, name in names.items() if request.get(name)}


def _describe(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    of, update = of_cluster(cluster_of(backend, request["name"]), "updates").get(request["updateId"], (None, None))
    if of is None or of != _wanted(request):
        raise not_found(f"No update found for ID: {request['updateId']}")
    return {"update": update}


def _list(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    kept = of_cluster(cluster_of(backend, request["name"]), "updates").values()
    found = [update["id"] for of, update in kept if of == _wanted(request)]
    part, token = page(found, request.get("maxResults"), request.get("nextToken"))
    return {"updateIds": part, "nextToken": token}
