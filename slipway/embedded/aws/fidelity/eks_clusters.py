"""A cluster that is what was asked for, changes as asked, and says where its API server is.

moto 5.2 forgets access configuration, upgrade policy and deletion protection, fills in no default of the network
configuration and no cluster security group, replaces the whole network configuration by a partial one on
`UpdateClusterConfig`, cannot update the version, and draws the OIDC issuer anew in each process. EKS makes a security
group for the cluster, merges what is updated, and answers with an update.
https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html
https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateClusterConfig.html

Karpenter asks `DescribeCluster` for endpoint, version and network. The real API server is an instance's own: the
environment variables `SLIPWAY_CLUSTER_ENDPOINT` (a URL) and `SLIPWAY_CLUSTER_CA` (a PEM file) say which, and are read
each time a cluster is described, so that a replayed journal shows today's.
"""

import base64
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.eks.models import Cluster, EKSBackend, validate_safe_to_delete
from moto.moto_api._internal import mock_random

from slipway.embedded.aws.fidelity.amending import replace
from slipway.embedded.aws.fidelity.eks_operations import cluster_of, in_use, invalid, of_cluster, serve
from slipway.embedded.aws.fidelity.eks_updates import record
from slipway.embedded.aws.variables import CLUSTER_CA as CA_VARIABLE
from slipway.embedded.aws.variables import CLUSTER_ENDPOINT as ENDPOINT_VARIABLE

DEFAULT_VERSION = "1.34"
_MODES = ("CONFIG_MAP", "API_AND_CONFIG_MAP", "API")  # a cluster only goes from left to right
_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_NETWORK_DEFAULTS = {
    "endpointPublicAccess": True,
    "endpointPrivateAccess": False,
    "publicAccessCidrs": ["0.0.0.0/0"],
    "securityGroupIds": [],
}
_UPDATE_NAMES = {"subnetIds": "Subnets", "securityGroupIds": "SecurityGroups"}
_PLAIN = ("upgradePolicy", "zonalShiftConfig", "deletionProtection", "computeConfig", "storageConfig")


def amend() -> None:
    """Amend moto in this process."""
    describe = EKSBackend.describe_cluster

    def describe_cluster(self: Any, name: str) -> Cluster:
        return _located(describe(self, name))

    replace(EKSBackend, "describe_cluster", describe_cluster)
    serve("CreateCluster", "/clusters$", _create)
    serve("UpdateClusterConfig", "/clusters/(?P<name>[^/]+)/update-config$", _update_config)
    serve("UpdateClusterVersion", "/clusters/(?P<name>[^/]+)/updates$", _update_version)
    serve("AssociateEncryptionConfig", "/clusters/(?P<name>[^/]+)/encryption-config/associate$", _encrypt)
    serve("DeleteCluster", "/clusters/(?P<name>[^/]+)$", _delete)


def authentication_mode(cluster: Any) -> str:
    """How it knows its users: `CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`."""
    mode: str = cluster.access_config["authenticationMode"]
    return mode


def network_of(backend: EKSBackend) -> EC2Backend:
    """EC2 in a cluster's account and region."""
    return ec2_backends[backend.account_id][backend.region_name]


def _create(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster: Any = backend.create_cluster(
        name=request["name"],
        role_arn=request["roleArn"],
        resources_vpc_config={**_NETWORK_DEFAULTS, **request["resourcesVpcConfig"]},
        version=request.get("version") or DEFAULT_VERSION,
        kubernetes_network_config={
            "ipFamily": "ipv4",
            "serviceIpv4Cidr": "172.20.0.0/16",
            **(request.get("kubernetesNetworkConfig") or {}),
        },
        logging=_logging({}, request.get("logging") or {}),
        client_request_token=request.get("clientRequestToken"),
        tags=dict(request.get("tags") or {}),
        encryption_config=request.get("encryptionConfig"),
        remote_network_config=request.get("remoteNetworkConfig"),
    )
    cluster.access_config = {
        "authenticationMode": "CONFIG_MAP",
        "bootstrapClusterCreatorAdminPermissions": True,
        **(request.get("accessConfig") or {}),
    }
    cluster.upgrade_policy = {"supportType": "EXTENDED"}
    cluster.deletion_protection = False
    for name in _PLAIN:
        if request.get(name) is not None:
            setattr(cluster, _attribute(name), request[name])
    identifier = "".join(mock_random.choice("0123456789ABCDEF") for _ in range(32))
    cluster.identity = {"oidc": {"issuer": f"https://oidc.eks.{backend.region_name}.amazonaws.com/id/{identifier}"}}
    cluster.endpoint = f"https://{identifier}.gr7.{backend.region_name}.eks.amazonaws.com"
    cluster.platformVersion = "eks.1"
    _guard(backend, cluster)
    return {"cluster": {**vars(cluster), "status": "CREATING", "endpoint": None, "certificate_authority": {}}}


def _guard(backend: EKSBackend, cluster: Any) -> None:
    """Make its security group, where its subnets exist."""
    network, config = network_of(backend), cluster.resources_vpc_config
    vpc = next((one.vpc_id for one in network.describe_subnets() if one.id in config.get("subnetIds", [])), None)
    if vpc is None:
        return
    config["vpcId"] = vpc
    group = network.create_security_group(
        f"eks-cluster-sg-{cluster.name}-{mock_random.randint(10**8, 10**9 - 1)}",
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
        "as well as any managed workloads.",
        vpc_id=vpc,
    )
    group.add_tags({"aws:eks:cluster-name": cluster.name, f"kubernetes.io/cluster/{cluster.name}": "owned"})
    group.add_tags({"Name": group.name})
    config["clusterSecurityGroupId"] = group.id


def _located(cluster: Any) -> Cluster:
    """A cluster with the API server that this process knows."""
    if os.environ.get(ENDPOINT_VARIABLE):
        cluster.endpoint = os.environ[ENDPOINT_VARIABLE]
    file = os.environ.get(CA_VARIABLE)
    if file and Path(file).exists():
        cluster.certificate_authority = {"data": base64.b64encode(Path(file).read_bytes()).decode()}
    found: Cluster = cluster
    return found


def _attribute(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def _logging(before: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Which logs are on, after a request."""
    enabled = {
        kind: one.get("enabled", False)
        for one in [*before.get("clusterLogging", []), *asked.get("clusterLogging", [])]
        for kind in one.get("types", [])
    }
    by_state = {on: [kind for kind in _LOG_TYPES if enabled.get(kind, False) is on] for on in (True, False)}
    return {"clusterLogging": [{"types": kinds, "enabled": on} for on, kinds in by_state.items() if kinds]}


def _update_config(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster: Any = cluster_of(backend, request["name"])
    kind, params = "ConfigUpdate", {}
    if request.get("resourcesVpcConfig"):
        asked = request["resourcesVpcConfig"]
        cluster.resources_vpc_config = {**cluster.resources_vpc_config, **asked}
        kind = "VpcConfigUpdate" if {"subnetIds", "securityGroupIds"} & set(asked) else "EndpointAccessUpdate"
        params.update({_UPDATE_NAMES.get(name, name[0].upper() + name[1:]): value for name, value in asked.items()})
    if request.get("logging"):
        cluster.logging = _logging(cluster.logging, request["logging"])
        kind, params["ClusterLogging"] = "LoggingUpdate", cluster.logging
    if request.get("accessConfig"):
        mode = request["accessConfig"]["authenticationMode"]
        if _MODES.index(mode) < _MODES.index(authentication_mode(cluster)):
            raise invalid(f"Unsupported authentication mode update from {authentication_mode(cluster)} to {mode}")
        cluster.access_config = {**cluster.access_config, "authenticationMode": mode}
        kind, params["AuthenticationMode"] = "AccessConfigUpdate", mode
    for name, its_kind in (
        ("upgradePolicy", "UpgradePolicyUpdate"),
        ("zonalShiftConfig", "ZonalShiftConfigUpdate"),
        ("deletionProtection", "DeletionProtectionUpdate"),
        ("computeConfig", "AutoModeUpdate"),
        ("storageConfig", "AutoModeUpdate"),
        ("remoteNetworkConfig", "RemoteNetworkConfigUpdate"),
    ):
        if request.get(name) is not None:
            setattr(cluster, _attribute(name), request[name])
            kind, params[name[0].upper() + name[1:]] = its_kind, request[name]
    network = request.get("kubernetesNetworkConfig")
    if network:
        cluster.kubernetes_network_config = {**cluster.kubernetes_network_config, **network}
        kind, params["KubernetesNetworkConfig"] = "AutoModeUpdate", network
    return {"update": record(cluster, kind, params)}


def _update_version(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster = cluster_of(backend, request["name"])
    old, new = (int(version.partition(".")[2]) for version in (cluster.version, request["version"]))
    if new == old:
        raise invalid(f"Cluster is already at version {cluster.version}")
    if new != old + 1:
        raise invalid(f"Unsupported Kubernetes minor version update from {cluster.version} to {request['version']}")
    cluster.version = request["version"]
    params = {"Version": cluster.version, "PlatformVersion": cluster.platformVersion}
    return {"update": record(cluster, "VersionUpdate", params)}


def _encrypt(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster = cluster_of(backend, request["clusterName"])
    if cluster.encryption_config:
        raise in_use("Encryption is already enabled for this cluster", clusterName=cluster.name)
    cluster.encryption_config = request["encryptionConfig"]
    return {"update": record(cluster, "AssociateEncryptionConfig", {"EncryptionConfig": cluster.encryption_config})}


def _delete(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster: Any = cluster_of(backend, request["name"])
    if getattr(cluster, "deletion_protection", False):
        raise invalid("Cluster has deletion protection enabled")
    validate_safe_to_delete(cluster)
    backend.delete_cluster(request["name"])
    group = cluster.resources_vpc_config.get("clusterSecurityGroupId")
    if group:
        with suppress(EC2ClientError):  # it stays while something uses it
            network_of(backend).delete_security_group(group_id=group)
    of_cluster(cluster, "updates").clear()
    return {"cluster": {**vars(cluster), "status": "DELETING"}}
