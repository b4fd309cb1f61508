"""On-demand capacity reservations: made, found, changed, cancelled, and launched into.

moto 5.2 has none and answers 500.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-capacity-reservations.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateCapacityReservation.html

Karpenter finds them by id, tags and owner, buys what is available in them first, and gives up one that answers
`ReservationCapacityExceeded`. `AvailableInstanceCount` goes down with each instance in the reservation, and up again
when it ends. A capacity block is the same thing with another `ReservationType`; nothing sells one here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.responses import EC2Response
from moto.ec2.utils import convert_tag_spec, generic_filter, random_id

from slipway.embedded.aws.fidelity.amending import kept, replace
from slipway.embedded.aws.fidelity.paging import page

EXCEEDED = "ReservationCapacityExceeded"


class CapacityReservation(TaggedEC2Resource):
    """Capacity of one instance type in one zone; its attributes are those of the API, in snake case."""

    def __init__(self, backend: Any, zone_id: str, request: dict[str, Any]) -> None:
        self.ec2_backend = backend
        self.id = self.capacity_reservation_id = random_id("cr")
        self.owner_id: str = backend.account_id
        self.capacity_reservation_arn = (
            f"arn:{backend.partition}:ec2:{backend.region_name}:{self.owner_id}:capacity-reservation/{self.id}"
        )
        self.availability_zone_id = zone_id
        self.availability_zone: str = request["AvailabilityZone"]
        self.instance_type: str = request["InstanceType"]
        self.instance_platform: str = request["InstancePlatform"]
        self.tenancy: str = request.get("Tenancy") or "default"
        self.total_instance_count = int(request["InstanceCount"])
        self.ebs_optimized = bool(request.get("EbsOptimized", False))
        self.ephemeral_storage = bool(request.get("EphemeralStorage", False))
        self.instance_match_criteria: str = request.get("InstanceMatchCriteria") or "open"
        self.end_date = request.get("EndDate")
        self.end_date_type: str = request.get("EndDateType") or ("limited" if self.end_date else "unlimited")
        self.reservation_type: str = "default"
        self.create_date = self.start_date = utcnow()
        self.cancelled = False
        self.instances: list[Any] = []
        self.add_tags(convert_tag_spec(request.get("TagSpecifications") or []).get("capacity-reservation", {}))

    @property
    def tags(self) -> list[dict[str, str]]:
        """Tags as the API shows them."""
        return self.get_tags()

    @property
    def state(self) -> str:
        """`active`, `cancelled`, or `expired` once its end date has passed."""
        if self.cancelled:
            return "cancelled"
        return "expired" if self.end_date is not None and self.end_date.replace(tzinfo=None) <= utcnow() else "active"

    @property
    def used(self) -> int:
        """How many instances are in it."""
        return sum(instance.state != "terminated" for instance in self.instances)

    @property
    def available_instance_count(self) -> int:
        """How many more instances it takes."""
        return max(self.total_instance_count - self.used, 0) if self.state == "active" else 0

    def takes(self, instance_type: str, zone: str, tenancy: str, besides: int = 0) -> bool:
        """Whether such an instance can be launched into it now, besides others that are about to be."""
        fits = (self.instance_type, self.availability_zone, self.tenancy) == (instance_type, zone, tenancy)
        return fits and self.available_instance_count > besides


def reservations_of(backend: Any) -> dict[str, CapacityReservation]:
    """The reservations of a backend, by id, the oldest first."""
    return kept(backend, "capacity_reservations", dict)


def find(backend: Any, identifier: str) -> CapacityReservation:
    """One reservation.

    Raises:
        EC2ClientError: There is none with that id.
    """
    if identifier not in reservations_of(backend):
        raise EC2ClientError(
            "InvalidCapacityReservationId.NotFound", f"The capacity reservation ID '{identifier}' does not exist."
        )
    return reservations_of(backend)[identifier]


def choose(
    backend: Any,
    specification: Mapping[str, Any],
    instance_type: str,
    zone: str,
    *,
    tenancy: str = "default",
    taken: Sequence[CapacityReservation | None] = (),
) -> CapacityReservation | None:
    """The reservation that an instance is launched into; None for none.

    Args:
        backend: Where it is launched.
        specification: The launch's `CapacityReservationSpecification`.
        instance_type: Its type.
        zone: Its availability zone.
        tenancy: Its tenancy.
        taken: Where other instances of the same launch will be.

    Raises:
        EC2ClientError: One is required, and none takes it.
    """
    preference = specification.get("CapacityReservationPreference")
    target = (specification.get("CapacityReservationTarget") or {}).get("CapacityReservationId")
    if target:
        reservation = find(backend, target)
        if reservation.takes(instance_type, zone, tenancy, taken.count(reservation)):
            return reservation
    elif preference != "none":
        for reservation in reservations_of(backend).values():
            is_open = reservation.instance_match_criteria == "open"
            if is_open and reservation.takes(instance_type, zone, tenancy, taken.count(reservation)):
                return reservation
    if target or preference == "capacity-reservations-only":
        raise EC2ClientError(
            EXCEEDED,
            "The requested reservation does not have sufficient compatible and available capacity for this request.",
        )
    return None


def amend() -> None:
    """Amend moto in this process."""
    for operation in (
        create_capacity_reservation,
        describe_capacity_reservations,
        modify_capacity_reservation,
        cancel_capacity_reservation,
    ):
        replace(EC2Response, operation.__name__, operation)


def create_capacity_reservation(self: Any) -> ActionResult:
    """`CreateCapacityReservation`."""
    request = dict(self.params)
    if request["InstanceType"] not in INSTANCE_TYPES:
        raise EC2ClientError(
            "InvalidInstanceType", f"The following supplied instance types do not exist: [{request['InstanceType']}]"
        )
    zones = self.ec2_backend.describe_availability_zones()
    by_name = {zone.name: zone.zone_id for zone in zones}
    by_id = {zone.zone_id: zone.name for zone in zones}
    name = request.get("AvailabilityZone") or by_id.get(request.get("AvailabilityZoneId", ""))
    if name not in by_name:
        raise EC2ClientError("InvalidParameterValue", f"Invalid availability zone: [{name}]")
    self.error_on_dryrun()
    reservation = CapacityReservation(self.ec2_backend, by_name[name], {**request, "AvailabilityZone": name})
    reservations_of(self.ec2_backend)[reservation.id] = reservation
    return ActionResult({"CapacityReservation": reservation})


def describe_capacity_reservations(self: Any) -> ActionResult:
    """`DescribeCapacityReservations`."""
    asked = self._get_param("CapacityReservationIds", [])
    found = [find(self.ec2_backend, one) for one in asked] or list(reservations_of(self.ec2_backend).values())
    found = generic_filter(self._filters_from_querystring(), found)
    part, token = page(found, self._get_param("MaxResults"), self._get_param("NextToken"))
    return ActionResult({"CapacityReservations": part, "NextToken": token})


def modify_capacity_reservation(self: Any) -> ActionResult:
    """`ModifyCapacityReservation`."""
    reservation = find(self.ec2_backend, self._get_param("CapacityReservationId"))
    count = self._get_param("InstanceCount")
    if reservation.state != "active":
        raise EC2ClientError("InvalidState", f"The capacity reservation '{reservation.id}' is {reservation.state}.")
    if count is not None and int(count) < reservation.used:
        raise EC2ClientError("InvalidParameterValue", f"{reservation.used} instances are in the reservation.")
    self.error_on_dryrun()
    if count is not None:
        reservation.total_instance_count = int(count)
    if self._get_param("EndDate"):
        reservation.end_date, reservation.end_date_type = self._get_param("EndDate"), "limited"
    if self._get_param("EndDateType") == "unlimited":
        reservation.end_date, reservation.end_date_type = None, "unlimited"
    if self._get_param("InstanceMatchCriteria"):
        reservation.instance_match_criteria = self._get_param("InstanceMatchCriteria")
    return ActionResult({"Return": True})


def cancel_capacity_reservation(self: Any) -> ActionResult:
    """`CancelCapacityReservation`: the instances that are in it go on, without it."""
    reservation = find(self.ec2_backend, self._get_param("CapacityReservationId"))
    self.error_on_dryrun()
    reservation.cancelled = True
    for instance in reservation.instances:
        instance.capacity_reservation_id = None
    return ActionResult({"Return": True})
