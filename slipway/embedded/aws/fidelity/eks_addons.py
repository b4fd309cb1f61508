"""Add-ons of a cluster.

moto 5.2 has none.
https://docs.aws.amazon.com/eks/latest/userguide/eks-add-ons.html
https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAddon.html

They are held as state: EKS would install programs into the cluster, here nothing is installed. `DescribeAddonVersions`
knows what is in `VERSIONS`; any version that is written like one is accepted, for what is newest changes every month.
"""

import re
from typing import Any

from moto.core.utils import utcnow
from moto.eks.models import Cluster, EKSBackend
from moto.moto_api._internal import mock_random

from slipway.embedded.aws.fidelity.eks_operations import cluster_of, in_use, invalid, not_found, of_cluster, serve
from slipway.embedded.aws.fidelity.eks_pod_identities import associate
from slipway.embedded.aws.fidelity.eks_updates import record
from slipway.embedded.aws.fidelity.images import KUBERNETES_VERSIONS
from slipway.embedded.aws.fidelity.paging import page

VERSIONS: dict[str, tuple[str, str, str]] = {
    "vpc-cni": ("networking", "kube-system", "v1.20.1-eksbuild.3"),
    "coredns": ("networking", "kube-system", "v1.12.3-eksbuild.1"),
    "kube-proxy": ("networking", "kube-system", "v{kubernetes}.0-eksbuild.2"),
    "aws-ebs-csi-driver": ("storage", "kube-system", "v1.48.0-eksbuild.1"),
    "eks-pod-identity-agent": ("security", "kube-system", "v1.3.8-eksbuild.2"),
    "metrics-server": ("observability", "kube-system", "v0.8.0-eksbuild.2"),
}
"""Add-ons with their type, namespace, and the version that is taken when none is asked for: one that EKS had in 2025,
which need not be its default now. Pin versions in the program."""

_VERSION = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")


def amend() -> None:
    """Amend moto in this process."""
    path = "/clusters/(?P<name>[^/]+)/addons"
    one = f"{path}/(?P<addonName>[^/]+)"
    serve("CreateAddon", f"{path}$", _create)
    serve("ListAddons", f"{path}$", _list)
    serve("DescribeAddon", f"{one}$", lambda backend, request: {"addon": _found(backend, request)})
    serve("UpdateAddon", f"{one}/update$", _update)
    serve("DeleteAddon", f"{one}$", _delete)
    serve("DescribeAddonVersions", "/addons/supported-versions$", _versions)
    serve("DescribeAddonConfiguration", "/addons/configuration-schemas$", _configuration)


def _default(name: str, kubernetes: str) -> str:
    return VERSIONS[name][2].format(kubernetes=kubernetes)


def _check(name: str, version: str) -> None:
    if not _VERSION.fullmatch(version):
        raise invalid(f"Addon version specified is not supported: {name} {version}")


def _create(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster, name = cluster_of(backend, request["clusterName"]), request["addonName"]
    if name in of_cluster(cluster, "addons"):
        raise in_use("Addon already exists.", clusterName=cluster.name, addonName=name)
    if name not in VERSIONS:
        raise invalid(f"Addon {name} is not known here: {', '.join(sorted(VERSIONS))}")
    version = request.get("addonVersion") or _default(name, cluster.version)
    _check(name, version)
    arn = f"arn:{backend.partition}:eks:{backend.region_name}:{backend.account_id}:addon/{cluster.name}/{name}"
    of_cluster(cluster, "addons")[name] = addon = {
        "addonName": name,
        "clusterName": cluster.name,
        "status": "ACTIVE",
        "addonVersion": version,
        "health": {"issues": []},
        "addonArn": f"{arn}/{mock_random.uuid4()}",
        "createdAt": utcnow(),
        "modifiedAt": utcnow(),
        "serviceAccountRoleArn": request.get("serviceAccountRoleArn"),
        "tags": dict(request.get("tags") or {}),
        "owner": "aws",
        "publisher": "eks",
        "configurationValues": request.get("configurationValues"),
        "namespaceConfig": request.get("namespaceConfig") or {"namespace": VERSIONS[name][1]},
        "podIdentityAssociations": [],
    }
    _identify(backend, cluster, addon, request.get("podIdentityAssociations"))
    return {"addon": {**addon, "status": "CREATING"}}


def _identify(backend: EKSBackend, cluster: Cluster, addon: dict[str, Any], asked: list[dict[str, Any]] | None) -> None:
    """Let exactly these associations be the add-on's; None leaves them as they are."""
    if asked is None:
        return
    kept = of_cluster(cluster, "pod_identities")
    for identifier in [key for key, one in kept.items() if one["ownerArn"] == addon["addonArn"]]:
        del kept[identifier]
    namespace = addon["namespaceConfig"]["namespace"]
    made = [associate(backend, cluster, {**one, "namespace": namespace}, addon["addonArn"]) for one in asked]
    addon["podIdentityAssociations"] = [one["associationArn"] for one in made]


def _found(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    addons = of_cluster(cluster_of(backend, request["clusterName"]), "addons")
    if request["addonName"] not in addons:
        raise not_found(
            f"No addon: {request['addonName']} found in cluster: {request['clusterName']}",
            clusterName=request["clusterName"],
            addonName=request["addonName"],
        )
    addon: dict[str, Any] = addons[request["addonName"]]
    return addon


def _list(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    names = sorted(of_cluster(cluster_of(backend, request["clusterName"]), "addons"))
    part, token = page(names, request.get("maxResults"), request.get("nextToken"))
    return {"addons": part, "nextToken": token}


def _update(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    addon, cluster = _found(backend, request), cluster_of(backend, request["clusterName"])
    if request.get("addonVersion"):
        _check(addon["addonName"], request["addonVersion"])
    given = ("addonVersion", "serviceAccountRoleArn", "configurationValues")
    changed = {key: request[key] for key in given if request.get(key) is not None}
    addon |= {**changed, "modifiedAt": utcnow()}
    _identify(backend, cluster, addon, request.get("podIdentityAssociations"))
    params = {key[0].upper() + key[1:]: value for key, value in changed.items()}
    if request.get("resolveConflicts"):
        params["ResolveConflicts"] = request["resolveConflicts"]
    return {"update": record(cluster, "AddonUpdate", params, addon=addon["addonName"])}


def _delete(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    addon, cluster = _found(backend, request), cluster_of(backend, request["clusterName"])
    _identify(backend, cluster, addon, [])
    del of_cluster(cluster, "addons")[addon["addonName"]]
    return {"addon": {**addon, "status": "DELETING"}}


def _versions(_: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    asked, only = request.get("addonName"), request.get("kubernetesVersion")
    addons = []
    for name, (kind, namespace, _version) in VERSIONS.items():
        by_version: dict[str, list[str]] = {}
        for kubernetes in KUBERNETES_VERSIONS:
            if only in (None, kubernetes):
                by_version.setdefault(_default(name, kubernetes), []).append(kubernetes)
        if asked in (None, name) and by_version:
            listed = [_version_info(version, served) for version, served in reversed(by_version.items())]
            about = {"addonName": name, "type": kind, "publisher": "eks", "owner": "aws"}
            addons.append({**about, "defaultNamespace": namespace, "addonVersions": listed})
    part, token = page(addons, request.get("maxResults"), request.get("nextToken"))
    return {"addons": part, "nextToken": token}


def _version_info(version: str, served: list[str]) -> dict[str, Any]:
    compatible = [{"clusterVersion": one, "platformVersions": ["*"], "defaultVersion": True} for one in served]
    return {
        "addonVersion": version,
        "architecture": ["amd64", "arm64"],
        "computeTypes": ["ec2"],
        "compatibilities": compatible,
        "requiresConfiguration": False,
    }


def _configuration(_: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    if request["addonName"] not in VERSIONS:
        raise not_found(f"No addon: {request['addonName']}", addonName=request["addonName"])
    schema = '{"$schema": "http://json-schema.org/draft-06/schema#", "type": "object"}'
    return {**{key: request[key] for key in ("addonName", "addonVersion")}, "configurationSchema": schema}
