"""A managed node group launches its instances, scales them, replaces them for a new version, and ends with them.

moto 5.2 only keeps what it was told, with defaults of 2021: no instance is ever launched. EKS keeps `desiredSize`
instances spread over the subnets, with the image of the AMI type, the launch template, the cluster's security group and
tags of its own; a launch that finds no capacity shows as a health issue.
https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html
https://docs.aws.amazon.com/eks/latest/userguide/managed-node-groups.html

The nodes that Karpenter itself runs on are such a group. Held as state only: the Auto Scaling group (a name), remote
access, update and repair configuration. What is terminated from outside is launched again with the next update of the
group, not before.
"""

from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.eks.models import EKSBackend, Nodegroup
from moto.iam.models import iam_backends

from slipway.embedded.aws.fidelity import eks_access_entries, prices
from slipway.embedded.aws.fidelity.amending import replace
from slipway.embedded.aws.fidelity.eks_clusters import authentication_mode, network_of
from slipway.embedded.aws.fidelity.eks_operations import cluster_of, invalid, not_found, serve
from slipway.embedded.aws.fidelity.eks_updates import record
from slipway.embedded.aws.fidelity.images import newest
from slipway.embedded.aws.fidelity.launches import from_template, launch

_DEFAULT_SCALING = {"minSize": 1, "maxSize": 2, "desiredSize": 2}
_DEFAULT_TYPES = {"x86_64": ["t3.medium"], "arm64": ["t4g.medium"]}
_PATCHES = {"1.34": "7", "1.35": "7"}
"""Patch levels of the newest release of `images`, where they are known: they are part of release versions."""


def amend() -> None:
    """Amend moto in this process."""
    group = "/clusters/(?P<name>[^/]+)/node-groups/(?P<nodegroupName>[^/]+)"
    serve("CreateNodegroup", "/clusters/(?P<name>[^/]+)/node-groups$", _create)
    serve("UpdateNodegroupConfig", f"{group}/update-config$", _update_config)
    serve("UpdateNodegroupVersion", f"{group}/update-version$", _update_version)
    serve("DeleteNodegroup", f"{group}$", _delete)
    listing = EKSBackend.list_nodegroups

    def list_nodegroups(self: Any, cluster_name: str, max_results: int, next_token: str | None) -> Any:
        cluster_of(self, cluster_name)  # moto fails with a KeyError
        return listing(self, cluster_name, max_results, next_token)

    replace(EKSBackend, "list_nodegroups", list_nodegroups)


def instances_of(backend: EKSBackend, group: Nodegroup) -> list[Any]:
    """The instances that a group has now, the oldest first."""
    network = network_of(backend)
    ids = group.__dict__.setdefault("instance_ids", [])
    return [one for one in map(network.get_instance_by_id, ids) if one is not None and one.state != "terminated"]


def _create(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster = cluster_of(backend, request["clusterName"])
    template = dict(request.get("launchTemplate") or {})
    data = _template_data(backend, template)
    ami_type = request.get("amiType") or ("CUSTOM" if data.get("ImageId") else "AL2023_x86_64_STANDARD")
    if data.get("InstanceType") and request.get("instanceTypes"):
        raise invalid("Instance types must be specified in either the node group or its launch template, not in both.")
    scaling = {**_DEFAULT_SCALING, **(request.get("scalingConfig") or {})}
    _check(scaling)
    version = request.get("version") or cluster.version
    group: Any = backend.create_nodegroup(
        cluster_name=cluster.name,
        node_role=request["nodeRole"],
        nodegroup_name=request["nodegroupName"],
        subnets=request["subnets"],
        scaling_config=scaling,
        disk_size=request.get("diskSize"),
        instance_types=request.get("instanceTypes"),
        ami_type=ami_type,
        remote_access=request.get("remoteAccess"),
        labels=dict(request.get("labels") or {}),
        taints=list(request.get("taints") or []),
        tags=dict(request.get("tags") or {}),
        client_request_token=request.get("clientRequestToken"),
        launch_template=template or None,
        capacity_type=request.get("capacityType"),
        version=version,
        release_version=request.get("releaseVersion") or _release(version, ami_type),
    )
    group.resources = {"autoScalingGroups": [{"name": f"eks-{group.nodegroup_name}-{group.uuid}"}]}
    group.remote_access = request.get("remoteAccess")
    group.health = {"issues": []}
    group.update_config = request.get("updateConfig") or {"maxUnavailable": 1}
    group.node_repair_config = request.get("nodeRepairConfig")
    group.disk_size = None if template else int(request.get("diskSize") or 20)
    group.instance_types = request.get("instanceTypes") or (
        [] if data.get("InstanceType") else _DEFAULT_TYPES[_architecture(ami_type)]
    )
    if ami_type == "CUSTOM":
        group.version = group.release_version = None
    _give_profile(backend, group)
    if authentication_mode(cluster) != "CONFIG_MAP":
        eks_access_entries.ensure(backend, cluster, group.node_role, "EC2_LINUX")
    _converge(backend, group)
    if group.health["issues"] and not instances_of(backend, group) and scaling["desiredSize"]:
        group.status = "CREATE_FAILED"
    return {"nodegroup": {**vars(group), "status": "CREATING"}}


def _update_config(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster, group = cluster_of(backend, request["clusterName"]), _group_of(backend, request)
    _check({**group.scaling_config, **(request.get("scalingConfig") or {})})
    backend.update_nodegroup_config(
        cluster_name=cluster.name,
        nodegroup_name=group.nodegroup_name,
        labels=request.get("labels"),
        taints=request.get("taints"),
        scaling_config=request.get("scalingConfig"),
        update_config=request.get("updateConfig"),
        node_repair_config=request.get("nodeRepairConfig"),
    )
    _converge(backend, group)
    params = {name[0].upper() + name[1:]: value for name, value in (request.get("scalingConfig") or {}).items()}
    for name, change in (("Labels", request.get("labels") or {}), ("Taints", request.get("taints") or {})):
        params |= {
            f"{name}To{verb}": change[key]
            for key, verb in ((f"addOrUpdate{name}", "Add"), (f"remove{name}", "Remove"))
            if change.get(key)
        }
    params |= {name[0].upper() + name[1:]: value for name, value in (request.get("updateConfig") or {}).items()}
    return {"update": record(cluster, "ConfigUpdate", params, nodegroup=group.nodegroup_name)}


def _update_version(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    cluster, group = cluster_of(backend, request["clusterName"]), _group_of(backend, request)
    params: dict[str, Any] = {}
    if request.get("launchTemplate"):
        group.launch_template = {**(group.launch_template or {}), **request["launchTemplate"]}
        _template_data(backend, group.launch_template)
        params["LaunchTemplateVersion"] = str(group.launch_template.get("version"))
    if group.ami_type != "CUSTOM":
        group.version = request.get("version") or (group.version if request.get("releaseVersion") else cluster.version)
        group.release_version = request.get("releaseVersion") or _release(group.version, group.ami_type)
        params |= {"Version": group.version, "ReleaseVersion": group.release_version}
    old = instances_of(backend, group)
    for instance in old:
        instance.terminate()
    group.modified_at = utcnow()
    _converge(backend, group)
    return {"update": record(cluster, "VersionUpdate", params, nodegroup=group.nodegroup_name)}


def _delete(backend: EKSBackend, request: dict[str, Any]) -> dict[str, Any]:
    group: Any = _group_of(backend, request)
    for instance in instances_of(backend, group):
        instance.terminate()
    backend.delete_nodegroup(request["clusterName"], request["nodegroupName"])
    identities, profile = iam_backends[backend.account_id][backend.partition], group.__dict__.get("profile")
    for one in [one for one in identities.instance_profiles.values() if one.name == profile]:
        one.roles.clear()
        identities.delete_instance_profile(one.name)
    return {"nodegroup": {**vars(group), "status": "DELETING"}}


def _group_of(backend: EKSBackend, request: dict[str, Any]) -> Any:
    groups = cluster_of(backend, request["clusterName"]).nodegroups
    name = request["nodegroupName"]
    if name not in groups:
        raise not_found(f"No node group found for name: {name}.", nodegroupName=name)
    return groups[name]


def _check(scaling: dict[str, int]) -> None:
    if not 0 <= scaling["minSize"] <= scaling["desiredSize"] <= scaling["maxSize"]:
        raise invalid(
            "Minimum capacity can't be greater than desired size, nor desired size than maximum capacity: "
            f"{scaling['minSize']}, {scaling['desiredSize']}, {scaling['maxSize']}"
        )


def _template_data(backend: EKSBackend, template: dict[str, Any]) -> dict[str, Any]:
    """The data of a group's launch template; its version is filled in."""
    if not template:
        return {}
    network = network_of(backend)
    found = (
        network.get_launch_template(template["id"])
        if template.get("id")
        else network.get_launch_template_by_name(template["name"])
    )
    template |= {"id": found.id, "name": found.name}
    template["version"] = str(template.get("version") or found.default_version_number)
    data: dict[str, Any] = found.get_version(template["version"]).data
    return data


def _architecture(ami_type: str) -> str:
    return "arm64" if "ARM_64" in ami_type else "x86_64"


def _image(backend: EKSBackend, group: Any) -> str:
    """Id of the image that the group's AMI type stands for."""
    family = "bottlerocket" if group.ami_type.startswith("BOTTLEROCKET") else "al2023"
    variant = "nvidia" if "NVIDIA" in group.ami_type else "standard"
    kind = (family, group.version, _architecture(group.ami_type), variant)
    release = "v" + group.release_version.rpartition("-")[2] if family == "al2023" else None
    try:
        return newest(*kind, release).id_in(backend.region_name)
    except LookupError:
        try:
            return newest(*kind).id_in(backend.region_name)
        except LookupError as error:
            raise invalid(f"Unsupported AMI type {group.ami_type}: {error}") from error


def _release(version: str, ami_type: str) -> str:
    family = "bottlerocket" if ami_type.startswith("BOTTLEROCKET") else "al2023"
    try:
        image = newest(family, version, _architecture(ami_type), "nvidia" if "NVIDIA" in ami_type else "standard")
    except LookupError:
        return version
    if family == "bottlerocket":
        return f"{image.release}-{image.name.rpartition('-')[2]}"
    return f"{version}.{_PATCHES.get(version, '0')}-{image.release[1:]}"


def _give_profile(backend: EKSBackend, group: Any) -> None:
    """The instance profile that EKS makes for the role of the nodes, where the role exists."""
    identities = iam_backends[backend.account_id][backend.partition]
    role = group.node_role.rpartition("/")[2]
    if any(one.name == role for one in identities.roles.values()):
        group.profile = f"eks-{group.uuid}"
        identities.create_instance_profile(group.profile, "/", [])
        identities.add_role_to_instance_profile(group.profile, role)


def _converge(backend: EKSBackend, group: Any) -> None:
    """Launch what is missing and terminate what is too much, the oldest first."""
    here, wanted = instances_of(backend, group), group.scaling_config["desiredSize"]
    for instance in here[: max(len(here) - wanted, 0)]:
        instance.terminate()
    group.health, group.status = {"issues": []}, "ACTIVE"
    while len(instances_of(backend, group)) < wanted:
        failure = _launch_one(backend, group)
        if failure is not None:
            group.status = "DEGRADED"
            group.health["issues"].append(
                {
                    "code": "AsgInstanceLaunchFailures",
                    "message": f"Could not launch On-Demand or Spot instances. {failure.code} - {failure.message}",
                    "resourceIds": [group.resources["autoScalingGroups"][0]["name"]],
                }
            )
            break


def _launch_one(backend: EKSBackend, group: Any) -> EC2ClientError | None:
    """Launch an instance where the group has the fewest; what kept it from it, where nothing could be had."""
    network, here = network_of(backend), instances_of(backend, group)
    zones = sorted(group.subnets, key=lambda subnet: sum(one.subnet_id == subnet for one in here))
    failure = None
    for subnet in zones:
        for instance_type in _by_preference(network, group, subnet):
            try:
                request = _request(backend, group, subnet, instance_type)
                made = launch(network, request, least=1, most=1).instances
            except EC2ClientError as error:
                failure = error
                continue
            group.instance_ids.extend(one.id for one in made)
            return None
    return failure or EC2ClientError("ValidationError", "The node group has no subnet.")


def _by_preference(network: Any, group: Any, subnet: str) -> list[str | None]:
    """Instance types in the order in which they are tried: as listed, or for Spot the cheapest first."""
    if not group.instance_types:
        return [None]
    if group.capacity_type != "SPOT":
        return list(group.instance_types)
    zone, held = network.get_subnet(subnet).availability_zone, prices.current()

    def cost(name: str) -> tuple[bool, float, int]:
        price = held.spot(name, zone)
        return price is None, price or 0, INSTANCE_TYPES.get(name, {}).get("VCpuInfo", {}).get("DefaultVCpus", 0)

    return sorted(group.instance_types, key=cost)


def _request(backend: EKSBackend, group: Any, subnet: str, instance_type: str | None) -> dict[str, Any]:
    """What `RunInstances` is asked for."""
    cluster = cluster_of(backend, group.cluster_name)
    tags = {
        "aws:autoscaling:groupName": group.resources["autoScalingGroups"][0]["name"],
        "eks:cluster-name": cluster.name,
        "eks:nodegroup-name": group.nodegroup_name,
        f"kubernetes.io/cluster/{cluster.name}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{cluster.name}": "owned",
    }
    asked: dict[str, Any] = {
        "SubnetId": subnet,
        "InstanceType": instance_type,
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        ],
    }
    if group.launch_template:
        chosen = group.launch_template
        asked["LaunchTemplate"] = {"LaunchTemplateId": chosen["id"], "Version": chosen["version"]}
    if group.ami_type != "CUSTOM":
        asked["ImageId"] = _image(backend, group)
    if group.__dict__.get("profile"):
        asked["IamInstanceProfile"] = {"Name": group.profile}
    if group.capacity_type == "SPOT":
        asked["InstanceMarketOptions"] = {"MarketType": "spot"}
    request = from_template(network_of(backend), asked)
    own = cluster.resources_vpc_config.get("clusterSecurityGroupId")
    has_groups = request.get("SecurityGroupIds") or any(
        one.get("Groups") for one in request.get("NetworkInterfaces") or []
    )
    if own and not has_groups:
        request["SecurityGroupIds"] = [own]
    if group.disk_size:
        request.setdefault(
            "BlockDeviceMappings",
            [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": group.disk_size, "VolumeType": "gp3"}}],
        )
    return request
