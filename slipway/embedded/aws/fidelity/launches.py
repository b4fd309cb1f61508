"""An instance carries everything that its launch template and its request say.

moto 5.2 takes from a launch template the image, the type, the user data, some security groups and the tags of the
instance. It ignores the groups of its network interfaces (the instance gets the VPC's default group), its instance
profile, metadata options, placement, monitoring, capacity reservation and the tags of volumes and interfaces,
associates a profile with the first of several instances only, launches `MinCount` and never `MaxCount`, and gives what
is launched as spot no request. EC2 lets the request override the template parameter by parameter.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-launch-template.html

Karpenter compares a node with its launch template: other groups are drift, and it would replace the node for ever.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidParameterCombination
from moto.ec2.models.instances import Instance, InstanceBackend, Reservation
from moto.ec2.models.spot_requests import SpotInstanceRequest
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import convert_tag_spec, parse_user_data, random_spot_request_id
from moto.iam.models import iam_backends

from slipway.embedded.aws.fidelity import capacity_reservations, scarcity
from slipway.embedded.aws.fidelity.amending import replace

INSUFFICIENT = "InsufficientInstanceCapacity"
_run_instances = InstanceBackend.run_instances
_Request = dict[str, Any]


def merge(template: Mapping[str, Any], request: Mapping[str, Any]) -> _Request:
    """What a request asks for, with what it leaves open taken from a launch template's data."""
    given = {key: value for key, value in request.items() if value not in (None, "", [], {})}
    merged = {**template, **given}
    merged["Placement"] = {**(template.get("Placement") or {}), **(given.get("Placement") or {})}
    tags = convert_tag_spec([*(template.get("TagSpecifications") or []), *(given.get("TagSpecifications") or [])])
    merged["TagSpecifications"] = [
        {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in some.items()]}
        for kind, some in tags.items()
    ]
    if "SecurityGroupIds" in given or "SecurityGroups" in given:
        for key in {"SecurityGroupIds", "SecurityGroups"} - set(given):
            merged.pop(key, None)
    return merged


def from_template(backend: Any, request: Mapping[str, Any]) -> _Request:
    """A request in full: what its `LaunchTemplate` says, overridden by itself."""
    named = request.get("LaunchTemplate") or {}
    if named.get("LaunchTemplateId"):
        template = backend.get_launch_template(named["LaunchTemplateId"])
    elif named.get("LaunchTemplateName"):
        template = backend.get_launch_template_by_name(named["LaunchTemplateName"])
    else:
        return merge({}, request)
    version = template.get_version(named.get("Version") or "$Default")
    merged = merge(version.data, request)
    own = {"aws:ec2launchtemplate:id": template.id, "aws:ec2launchtemplate:version": str(version.number)}
    merged["TagSpecifications"].append(
        {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in own.items()]}
    )
    return merged


def launch(backend: Any, request: Mapping[str, Any], *, least: int, most: int, fleet: str | None = None) -> Reservation:
    """Launch between `least` and `most` instances.

    Args:
        backend: moto's EC2.
        request: A `RunInstances` request in full; its `InstanceMarketOptions` say whether it is for spot capacity.
        least: With fewer than these nothing is launched.
        most: How many are wanted.
        fleet: The fleet on whose behalf.

    Raises:
        EC2ClientError: As EC2: no capacity, no free address, no such profile or reservation.
    """
    subnet = _subnet(backend, request)
    zone = subnet.availability_zone if subnet else _zone(backend, request)
    profile = _profile(backend, request)
    places = _capacity(backend, request, subnet, zone, least=least, most=most)
    tags = convert_tag_spec(request.get("TagSpecifications") or [])
    if fleet:
        tags.setdefault("instance", {})["aws:ec2:fleet-id"] = fleet
    groups = _groups(backend, request, subnet)
    interfaces = _interfaces(request)
    made: Reservation = _run_instances(
        backend,
        request.get("ImageId") or "",
        len(places),
        parse_user_data(str(request["UserData"])) if request.get("UserData") else None,
        [],
        instance_type=request.get("InstanceType") or "m1.small",
        is_instance_type_default=not request.get("InstanceType"),
        placement=zone if subnet is None and (request.get("Placement") or {}).get("AvailabilityZone") else None,
        placement_hostid=(request.get("Placement") or {}).get("HostId"),
        region_name=backend.region_name,
        subnet_id=subnet.id if subnet else None,
        key_name=request.get("KeyName"),
        security_group_ids=groups,
        nics=[{k: v for k, v in one.items() if k not in ("Groups", "SubnetId")} for one in interfaces],
        private_ip=request.get("PrivateIpAddress"),
        associate_public_ip=request.get("AssociatePublicIpAddress"),
        tags={"instance": tags.get("instance", {})},
        ebs_optimized=bool(request.get("EbsOptimized")),
        disable_api_stop=bool(request.get("DisableApiStop")),
        disable_api_termination=bool(request.get("DisableApiTermination")),
        instance_initiated_shutdown_behavior=request.get("InstanceInitiatedShutdownBehavior"),
        hibernation_options=request.get("HibernationOptions") or {},
        monitoring_state="enabled" if (request.get("Monitoring") or {}).get("Enabled") else "disabled",
        ipv6_address_count=request.get("Ipv6AddressCount"),
        metadata_options=request.get("MetadataOptions") or {},
        client_token=request.get("ClientToken"),
        block_device_mappings=[],
    )
    for instance, reservation in zip(made.instances, places, strict=True):
        _place(instance, request, zone, reservation)
        _attach_volumes(backend, instance, request, tags.get("volume", {}))
        _finish_interfaces(backend, instance, interfaces, tags.get("network-interface", {}))
        if profile is not None:
            backend.associate_iam_instance_profile(instance_id=instance.id, iam_instance_profile_name=profile.name)
        if market_of(request) == "spot":
            _request_spot(backend, instance, request, groups=groups, tags=tags, fleet=fleet)
    return made


def market_of(request: Mapping[str, Any]) -> str:
    """`on-demand`, `spot`, `capacity-block` or `interruptible-capacity-reservation`."""
    return (request.get("InstanceMarketOptions") or {}).get("MarketType") or "on-demand"


def no_capacity(request: Mapping[str, Any], zone: str) -> EC2ClientError:
    """What EC2 says where it has no such capacity."""
    if market_of(request) == "spot":
        return EC2ClientError(INSUFFICIENT, "There is no Spot capacity available that matches your request.")
    kind = request.get("InstanceType")
    return EC2ClientError(
        INSUFFICIENT,
        f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}). "
        "Our system will be working on provisioning additional capacity. You can currently get "
        f"{kind} capacity by not specifying an Availability Zone in your request or choosing another one.",
    )


def _capacity(
    backend: Any, request: Mapping[str, Any], subnet: Any, zone: str, *, least: int, most: int
) -> list[capacity_reservations.CapacityReservation | None]:
    """For each instance that can be launched, the reservation that it goes into; None for none."""
    free = subnet.available_ip_address_count if subnet else most
    if free < least:
        raise EC2ClientError(
            "InsufficientFreeAddressesInSubnet",
            f"There are not enough free addresses in subnet '{subnet.id}' to satisfy the requested number of "
            "instances.",
        )
    instance_type = request.get("InstanceType") or "m1.small"
    found: list[capacity_reservations.CapacityReservation | None] = []
    failure = no_capacity(request, zone)
    for _ in range(min(most, free)):
        try:
            reservation = _reservation(backend, request, zone, found)
        except EC2ClientError as error:
            failure = error
            break
        if not scarcity.take(_kind(request, reservation), instance_type, zone):
            break
        found.append(reservation)
    if len(found) < max(least, 1):
        for reservation in found:
            scarcity.give_back(_kind(request, reservation), instance_type, zone)
        raise failure
    return found


def _kind(request: Mapping[str, Any], reservation: Any) -> str:
    return "reserved" if reservation else "spot" if market_of(request) == "spot" else "on-demand"


def _reservation(
    backend: Any, request: Mapping[str, Any], zone: str, taken: Sequence[Any]
) -> capacity_reservations.CapacityReservation | None:
    if market_of(request) == "spot":
        return None
    return capacity_reservations.choose(
        backend,
        request.get("CapacityReservationSpecification") or {},
        request.get("InstanceType") or "m1.small",
        zone,
        tenancy=(request.get("Placement") or {}).get("Tenancy") or "default",
        taken=taken,
    )


def _subnet(backend: Any, request: Mapping[str, Any]) -> Any:
    named = request.get("SubnetId") or next(
        (one["SubnetId"] for one in request.get("NetworkInterfaces") or [] if one.get("SubnetId")), None
    )
    return backend.get_subnet(named) if named else None


def _zone(backend: Any, request: Mapping[str, Any]) -> str:
    return (request.get("Placement") or {}).get("AvailabilityZone") or f"{backend.region_name}a"


def _profile(backend: Any, request: Mapping[str, Any]) -> Any:
    asked = request.get("IamInstanceProfile") or {}
    if not asked.get("Name") and not asked.get("Arn"):
        return None
    for profile in iam_backends[backend.account_id][backend.partition].instance_profiles.values():
        if profile.name == asked.get("Name") or profile.arn == asked.get("Arn"):
            return profile
    key, value = ("name", asked["Name"]) if asked.get("Name") else ("arn", asked["Arn"])
    raise EC2ClientError(
        "InvalidParameterValue",
        f"Value ({value}) for parameter iamInstanceProfile.{key} is invalid. Invalid IAM Instance Profile {key}",
    )


def _groups(backend: Any, request: Mapping[str, Any], subnet: Any) -> list[str]:
    """Ids of the security groups of the primary interface."""
    primary: Mapping[str, Any] = min(
        request.get("NetworkInterfaces") or [{}],
        key=lambda one: (one.get("NetworkCardIndex") or 0, one.get("DeviceIndex") or 0),
    )
    found = list(primary.get("Groups") or request.get("SecurityGroupIds") or [])
    found += [backend.get_security_group_by_name_or_id(name).id for name in request.get("SecurityGroups") or []]
    if not found and subnet is not None:
        found = [backend.get_default_security_group(subnet.vpc_id).id]
    return found


def _interfaces(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The interfaces to make, the primary one first, numbered through: moto keeps one of each number."""
    asked = sorted(
        request.get("NetworkInterfaces") or [{}],
        key=lambda one: (one.get("NetworkCardIndex") or 0, one.get("DeviceIndex") or 0),
    )
    return [{**one, "DeviceIndex": number} for number, one in enumerate(asked)]


def _finish_interfaces(backend: Any, instance: Instance, asked: list[dict[str, Any]], tags: Mapping[str, str]) -> None:
    for number, interface in instance.nics.items():
        interface.add_tags(dict(tags))
        spec = asked[number] if number < len(asked) else {}
        interface.interface_type = spec.get("InterfaceType") or "interface"
        if spec.get("Groups"):
            interface._group_set = [backend.get_security_group_from_id(one) for one in spec["Groups"]]  # noqa: SLF001
        if "NetworkInterfaceId" not in spec:
            interface.delete_on_termination = spec.get("DeleteOnTermination", True)


def _place(instance: Any, request: Mapping[str, Any], zone: str, reservation: Any) -> None:
    placement = request.get("Placement") or {}
    zones = {one.name: one.zone_id for one in instance.ec2_backend.describe_availability_zones()}
    instance.placement.availability_zone_id = zones.get(instance.placement.zone or zone)
    instance.placement.tenancy = placement.get("Tenancy") or "default"
    instance.placement.group_name = placement.get("GroupName") or ""
    instance.placement.group_id = placement.get("GroupId")
    instance.placement.partition_number = placement.get("PartitionNumber")
    instance.lifecycle = None if market_of(request) == "on-demand" else market_of(request)
    asked = request.get("CapacityReservationSpecification") or {}
    instance.capacity_reservation_specification = asked or {"CapacityReservationPreference": "open"}
    if reservation is not None:
        reservation.instances.append(instance)
        instance.capacity_reservation_id = reservation.id
        if reservation.reservation_type == "capacity-block":
            instance.lifecycle = "capacity-block"


def _attach_volumes(backend: Any, instance: Any, request: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    """The image's root volume and what else is mapped; a mapping of the root's name changes the root."""
    image = backend.amis.get(instance.image_id)
    root = instance.root_device_name
    volumes: dict[str, dict[str, Any]] = {root: {"DeleteOnTermination": True}}
    for mapping in request.get("BlockDeviceMappings") or []:
        name = mapping.get("DeviceName") or root
        if mapping.get("NoDevice") is not None:
            volumes.pop(name, None)
        elif "Ebs" in mapping:
            volumes[name] = {**volumes.get(name, {}), **mapping["Ebs"]}
    for name, ebs in volumes.items():
        default = image.block_device_mappings[0]["Ebs"]["VolumeSize"] if image and name == root else 8
        kind = ebs.get("VolumeType")
        volume = backend.create_volume(
            size=ebs.get("VolumeSize") or (None if ebs.get("SnapshotId") else default),
            zone_name=instance.placement.zone,
            snapshot_id=ebs.get("SnapshotId"),
            encrypted=bool(ebs.get("Encrypted")),
            kms_key_id=ebs.get("KmsKeyId"),
            volume_type=kind,
            iops=ebs.get("Iops"),
            throughput=ebs.get("Throughput") if kind == "gp3" else None,
        )
        volume.add_tags(dict(tags))
        backend.attach_volume(volume.id, instance.id, name, bool(ebs.get("DeleteOnTermination", False)))


def _request_spot(
    backend: Any,
    instance: Any,
    request: Mapping[str, Any],
    *,
    groups: list[str],
    tags: dict[str, dict[str, str]],
    fleet: str | None,
) -> None:
    class Fulfilled(SpotInstanceRequest):
        def launch_instance(self) -> Instance:
            found: Instance = instance
            return found

    options = (request.get("InstanceMarketOptions") or {}).get("SpotOptions") or {}
    spot = Fulfilled(
        ec2_backend=backend,
        spot_request_id=random_spot_request_id(),
        price=options.get("MaxPrice") or "",
        image_id=instance.image_id,
        spot_instance_type=options.get("SpotInstanceType") or "one-time",
        valid_from=None,
        valid_until=None,
        launch_group=None,
        availability_zone_group=None,
        key_name=instance.key_name,
        security_groups=groups,
        user_data=instance.user_data,
        instance_type=instance.instance_type,
        placement=instance.placement.zone,
        kernel_id=None,
        ramdisk_id=None,
        monitoring_enabled=instance.monitored,
        subnet_id=instance.subnet_id,
        tags=tags,
        spot_fleet_id=fleet,
        instance_interruption_behaviour=options.get("InstanceInterruptionBehavior"),
    )
    backend.spot_instance_requests[spot.id] = spot
    instance.spot_instance_request_id = spot.id


def amend() -> None:
    """Amend moto in this process."""
    version_of = LaunchTemplates.create_launch_template_version

    def run_instances(self: Any) -> Any:
        asked = dict(self.params)
        if asked.get("NetworkInterfaces") and asked.get("SubnetId"):
            raise InvalidParameterCombination(
                "Network interfaces and an instance-level subnet ID may not be specified on the same request"
            )
        self._parse_block_device_mapping()  # refuses what EC2 refuses
        request = from_template(self.ec2_backend, asked)
        _profile(self.ec2_backend, request)
        self.error_on_dryrun()
        least = int(asked.get("MinCount") or 1)
        try:
            made = launch(self.ec2_backend, request, least=least, most=max(least, int(asked.get("MaxCount") or 1)))
        except EC2ClientError as error:
            if error.code != INSUFFICIENT:
                raise
            _, headers, body = self.serialized(ActionResult(error))
            return 500, {**headers, "status": 500}, body  # it is EC2's fault, not the caller's
        return ActionResult(made)

    def create_launch_template_version(self: Any) -> ActionResult:
        data = self.params.setdefault("LaunchTemplateData", {})
        if data.get("UserData") is not None:
            data["UserData"] = parse_user_data(str(data["UserData"]))
        source = self._get_param("SourceVersion")
        if source:
            named = self._get_param("LaunchTemplateId"), self._get_param("LaunchTemplateName")
            template = (
                self.ec2_backend.get_launch_template(named[0])
                if named[0]
                else self.ec2_backend.get_launch_template_by_name(named[1])
            )
            self.params["LaunchTemplateData"] = {**template.get_version(source).data, **data}
        return version_of(self)

    replace(InstanceResponse, "run_instances", run_instances)
    replace(LaunchTemplates, "create_launch_template_version", create_launch_template_version)
