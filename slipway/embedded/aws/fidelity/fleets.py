"""`CreateFleet` of the type `instant` chooses by allocation strategy and price, and says what it could not have.

moto 5.2 takes the first override whatever it costs (it bought a 128-vCPU node for 5 CPUs), ignores priorities, zones
and what the launch template says of groups and profiles, and never lacks capacity. EC2 tries the pools — one for each
override — in the order of the strategy; each that has no capacity becomes one of the `Errors`, with its launch template
and override; an answer without any instance is still HTTP 200.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFleet.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-fleet-allocation-strategy.html

How deep a pool is EC2 alone knows. Here all pools are equally deep until `scarcity` says otherwise, so the strategies
that look at depth come down to what decides between equals: `price-capacity-optimized` and `capacity-optimized` to the
price, `capacity-optimized-prioritized` to the priority, then the price. Where no price is known the smaller type is
taken as the cheaper one, by vCPUs and then memory. Not modelled: `InstanceRequirements`, `SingleInstanceType`,
`SingleAvailabilityZone`, `MinTargetCapacity`, `MaxTotalPrice`, `ClientToken`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.fleets import Fleet as MotoFleet
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.responses.fleets import Fleets
from moto.ec2.utils import convert_tag_spec, random_fleet_id

from slipway.embedded.aws.fidelity import capacity_reservations, prices
from slipway.embedded.aws.fidelity.amending import replace
from slipway.embedded.aws.fidelity.launches import from_template, launch

_SHOWN = (
    "InstanceType",
    "MaxPrice",
    "SubnetId",
    "AvailabilityZone",
    "WeightedCapacity",
    "Priority",
    "Placement",
    "ImageId",
    "BlockDeviceMappings",
    "AvailabilityZoneId",
)


@dataclass
class Pool:
    """One override: capacity of one instance type in one zone.

    Attributes:
        shown: Its launch template and override, as answers show them.
        request: What `RunInstances` would be asked for.
        zone: Its availability zone; empty where neither override nor template says.
        order: Its place in the request.
        instances: Launched from it.
    """

    shown: dict[str, Any]
    request: dict[str, Any]
    zone: str
    order: int
    instances: list[Any] = field(default_factory=list)

    @property
    def instance_type(self) -> str:
        """Its instance type."""
        return self.request.get("InstanceType") or ""

    @property
    def override(self) -> dict[str, Any]:
        """The override."""
        found: dict[str, Any] = self.shown["Overrides"]
        return found

    @property
    def weight(self) -> float:
        """How many units of the target an instance is."""
        return float(self.override.get("WeightedCapacity") or 1)

    @property
    def priority(self) -> tuple[float]:
        """The lower the better; none is the worst."""
        given = self.override.get("Priority")
        return (inf if given is None else float(given),)

    @property
    def size(self) -> tuple[float, float]:
        """VCPUs and MiB."""
        info = INSTANCE_TYPES.get(self.instance_type, {})
        return (
            float(info.get("VCpuInfo", {}).get("DefaultVCpus", inf)),
            float(info.get("MemoryInfo", {}).get("SizeInMiB", inf)),
        )

    def price(self, held: prices.Prices, *, spot: bool) -> float | None:
        """USD per hour; None where it is not known."""
        return held.spot(self.instance_type, self.zone) if spot else held.on_demand(self.instance_type)


class Fleet(MotoFleet):
    """A fleet of the type `instant`; the attributes are those of the API, in snake case.

    Args:
        backend: moto's EC2.
        request: `CreateFleet`.
    """

    def __init__(self, backend: Any, request: dict[str, Any]) -> None:
        self.ec2_backend = backend
        self.id = random_fleet_id()
        target = request.get("TargetCapacitySpecification") or {}
        self.spot_options = request.get("SpotOptions") or {}
        self.on_demand_options = request.get("OnDemandOptions") or {}
        self.target_capacity_specification = target
        self.launch_template_configs = request.get("LaunchTemplateConfigs") or []
        self.excess_capacity_termination_policy = "termination"
        self.replace_unhealthy_instances = False
        self.terminate_instances_with_expiration = False
        self.fleet_type = "instant"
        self.valid_from = request.get("ValidFrom") or utcnow()
        self.valid_until = request.get("ValidUntil")
        self.state = "active"
        self.context = request.get("Context")
        self.fulfilled_capacity = self.fulfilled_on_demand_capacity = self.fulfilled_spot_capacity = 0.0
        self.launch_specs = []
        self.spot_requests = []
        self.on_demand_instances = []
        self.target_capacity = int(target["TotalTargetCapacity"])
        self.on_demand_target_capacity = int(target.get("OnDemandTargetCapacity") or 0)
        self.spot_target_capacity = int(target.get("SpotTargetCapacity") or 0)
        self.errors: list[dict[str, Any]] = []
        self._launched: list[dict[str, Any]] = []
        self._request = request
        specifications = request.get("TagSpecifications") or []
        self.add_tags(convert_tag_spec(specifications).get("fleet", {}))
        self.tags = self.get_tags()

    @property
    def instances(self) -> list[dict[str, Any]]:
        """What was launched, by pool."""
        return self._launched

    def launch(self) -> None:
        """Buy the target."""
        rest = self.target_capacity - self.on_demand_target_capacity - self.spot_target_capacity
        default = self.target_capacity_specification.get("DefaultTargetCapacityType") or "on-demand"
        wanted = {"on-demand": self.on_demand_target_capacity, "spot": self.spot_target_capacity}
        wanted[default] = wanted.get(default, 0) + rest
        for lifecycle, units in wanted.items():
            if units > 0:
                self._buy(lifecycle, units)

    def _buy(self, lifecycle: str, units: float) -> None:
        spot = lifecycle == "spot"
        pools = self._ordered(self._pools(lifecycle), spot=spot)
        if not spot:
            units -= self._buy_reserved(pools, units)
        spread = spot and self.spot_options.get("AllocationStrategy") == "diversified"
        while pools and units > 0:
            for pool in list(pools):
                count = 1 if spread else ceil(units / pool.weight)
                try:
                    made = self._from(pool, count, spot=spot)
                except EC2ClientError as error:
                    pools.remove(pool)
                    self._failed(pool, error, lifecycle)
                    continue
                if made < count:
                    pools.remove(pool)
                units -= made * pool.weight
                if units <= 0:
                    break

    def _buy_reserved(self, pools: list[Pool], units: float) -> float:
        """Take what open reservations have, where that comes first; how many units it was."""
        usage = (self.on_demand_options.get("CapacityReservationOptions") or {}).get("UsageStrategy")
        bought = 0.0
        for pool in pools if usage == "use-capacity-reservations-first" else []:
            count = min(self._reserved(pool), ceil((units - bought) / pool.weight))
            if count > 0:
                bought += self._from(pool, count, spot=False) * pool.weight
        return bought

    def _from(self, pool: Pool, count: int, *, spot: bool) -> int:
        """Launch up to `count` instances from a pool; how many it were.

        Raises:
            EC2ClientError: The pool has none.
        """
        held = prices.current()
        price, most = pool.price(held, spot=spot), self._max_price(pool) if spot else None
        if spot and price is None and isinstance(held, prices.PriceTable) and held.spot_prices:
            raise EC2ClientError("UnfulfillableCapacity", f"{pool.instance_type} is not offered as Spot capacity.")
        if price is not None and most is not None and price > most:
            raise EC2ClientError("SpotMaxPriceTooLow", f"Your Spot request price of {most} is lower than {price}.")
        made = launch(self.ec2_backend, pool.request, least=1, most=count, fleet=self.id).instances
        if not pool.instances:
            lifecycle = "spot" if spot else "on-demand"
            about = {"Lifecycle": lifecycle, "InstanceType": pool.instance_type}
            self._launched.append({"LaunchTemplateAndOverrides": pool.shown, "InstanceIds": [], **about})
        entry = next(one for one in self._launched if one["LaunchTemplateAndOverrides"] is pool.shown)
        for instance in made:
            pool.instances.append(instance)
            entry["InstanceIds"].append(instance.id)
            instance._fleet_id = self.id  # noqa: SLF001  # moto's own field
            self._count(instance, pool.weight, spot=spot)
        return len(made)

    def _count(self, instance: Any, weight: float, *, spot: bool) -> None:
        self.fulfilled_capacity += weight
        if spot:
            self.fulfilled_spot_capacity += weight
            self.spot_requests.append(self.ec2_backend.spot_instance_requests[instance.spot_instance_request_id])
        else:
            self.fulfilled_on_demand_capacity += weight
            self.on_demand_instances.append({"id": None, "instance": instance, "launch_spec": None})

    def _failed(self, pool: Pool, error: EC2ClientError, lifecycle: str) -> None:
        self.errors.append(
            {
                "LaunchTemplateAndOverrides": pool.shown,
                "Lifecycle": "spot" if lifecycle == "spot" else "on-demand",
                "ErrorCode": error.code,
                "ErrorMessage": error.message,
            }
        )

    def _max_price(self, pool: Pool) -> float | None:
        given = pool.override.get("MaxPrice") or self.spot_options.get("MaxPrice")
        return float(given) if given else None

    def _pools(self, lifecycle: str) -> list[Pool]:
        pools: list[Pool] = []
        for config in self.launch_template_configs:
            specification = config["LaunchTemplateSpecification"]
            for override in config.get("Overrides") or [{}]:
                pools.append(self._pool(specification, override, lifecycle, len(pools)))
        return pools

    def _pool(self, specification: dict[str, Any], override: dict[str, Any], lifecycle: str, order: int) -> Pool:
        asked: dict[str, Any] = {
            key: override.get(key) for key in ("InstanceType", "SubnetId", "ImageId", "BlockDeviceMappings")
        }
        asked["LaunchTemplate"] = specification
        asked["Placement"] = dict(override.get("Placement") or {})
        if override.get("AvailabilityZone"):
            asked["Placement"]["AvailabilityZone"] = override["AvailabilityZone"]
        asked["TagSpecifications"] = [
            one for one in self._request.get("TagSpecifications") or [] if one["ResourceType"] != "fleet"
        ]
        if lifecycle == "spot":
            asked["InstanceMarketOptions"] = {"MarketType": "spot"}
        elif lifecycle in ("capacity-block", "reserved-capacity"):
            market = "capacity-block" if lifecycle == "capacity-block" else "interruptible-capacity-reservation"
            asked["InstanceMarketOptions"] = {"MarketType": market}
        request = from_template(self.ec2_backend, asked)
        tags = convert_tag_spec(request["TagSpecifications"])["instance"]
        shown: dict[str, Any] = {
            "LaunchTemplateSpecification": {
                "LaunchTemplateId": tags["aws:ec2launchtemplate:id"],
                "Version": tags["aws:ec2launchtemplate:version"],
            },
            "Overrides": {key: override[key] for key in _SHOWN if key in override},
        }
        shown["Overrides"].setdefault("InstanceType", request.get("InstanceType"))
        zone = (request.get("Placement") or {}).get("AvailabilityZone") or ""
        subnet = request.get("SubnetId") or next(
            (one["SubnetId"] for one in request.get("NetworkInterfaces") or [] if one.get("SubnetId")), None
        )
        if subnet:
            zone = self.ec2_backend.get_subnet(subnet).availability_zone
        return Pool(shown=shown, request=request, zone=zone, order=order)

    def _ordered(self, pools: list[Pool], *, spot: bool) -> list[Pool]:
        held = prices.current()

        def cost(pool: Pool) -> tuple[Any, ...]:
            price = pool.price(held, spot=spot)
            per_unit = inf if price is None else price / pool.weight
            return (price is None, per_unit, *(pool.size if price is None else (0, 0)), pool.order)

        options = self.spot_options if spot else self.on_demand_options
        by_priority = options.get("AllocationStrategy") in ("prioritized", "capacity-optimized-prioritized")
        key: Callable[[Pool], tuple[Any, ...]] = (lambda pool: (*pool.priority, *cost(pool))) if by_priority else cost
        return sorted(pools, key=key)

    def _reserved(self, pool: Pool) -> int:
        """How many instances the reservation takes that the next one from a pool would be launched into."""
        specification = pool.request.get("CapacityReservationSpecification") or {}
        try:
            found = capacity_reservations.choose(self.ec2_backend, specification, pool.instance_type, pool.zone)
        except EC2ClientError:
            return 0
        return found.available_instance_count if found else 0


def amend() -> None:
    """Amend moto in this process."""
    create_fleet = Fleets.create_fleet

    def create(self: Any) -> ActionResult:
        if self._get_param("Type", if_none="maintain") != "instant":
            return create_fleet(self)
        self.error_on_dryrun()
        fleet = Fleet(self.ec2_backend, dict(self.params))
        fleet.launch()
        self.ec2_backend.fleets[fleet.id] = fleet
        return ActionResult({"FleetId": fleet.id, "Instances": fleet.instances, "Errors": fleet.errors})

    replace(Fleets, "create_fleet", create)
