"""`CreateFleet` follows the allocation strategy over prices, and lacks capacity when told."""

import pytest

from slipway.embedded.aws.fidelity import capacity_reservations, fleets, prices
from slipway.embedded.aws.fidelity.scarcity import Rule, tell
from tests.slipway.embedded.aws.fidelity.proving import ZONES, Aws, account, amended, proves

PRICES = prices.PriceTable(
    on_demand_prices={"m7i.large": 0.1008, "m7i.4xlarge": 0.8064, "c7i.large": 0.08925, "g6.xlarge": 0.8048},
    spot_prices={
        "m7i.large": {"us-east-1a": 0.05, "us-east-1b": 0.03, "us-east-1c": 0.04},
        "m7i.4xlarge": {"us-east-1a": 0.02, "us-east-1b": 0.5},
        "c7i.large": {"us-east-1a": 0.04, "us-east-1b": 0.04},
    },
)


def bought(reply: object) -> list[tuple[str, str]]:
    """Type and zone of each instance of an answer."""
    return [
        (one["InstanceType"], one["LaunchTemplateAndOverrides"]["Overrides"]["AvailabilityZone"])
        for one in reply["Instances"]  # type: ignore[index]
        for _ in one["InstanceIds"]
    ]


@proves(fleets)
def test_on_demand_buys_the_lowest_price_whatever_the_order(aws: Aws) -> None:
    prices.tell(PRICES)
    aws.template()
    reply = aws.fleet(aws.overrides("m7i.4xlarge", "m7i.large", "c7i.large"), count=2)
    assert bought(reply) == [("c7i.large", ZONES[0])] * 2
    assert reply["Errors"] == []
    assert {one["InstanceType"] for one in aws.instances()} == {"c7i.large"}


@proves(fleets)
def test_without_prices_the_smaller_type_counts_as_the_cheaper_one(aws: Aws) -> None:
    aws.template()
    assert bought(aws.fleet(aws.overrides("m7i.4xlarge", "r7i.large", "m7i.large"))) == [("m7i.large", ZONES[0])]


@proves(fleets)
def test_spot_buys_the_cheapest_of_equally_deep_pools_by_type_and_zone(aws: Aws) -> None:
    prices.tell(PRICES)
    aws.template()
    overrides = aws.overrides("m7i.large", "c7i.large", zones=ZONES)
    options = {"AllocationStrategy": "price-capacity-optimized"}
    reply = aws.fleet(overrides, kind="spot", SpotOptions=options)
    assert bought(reply) == [("m7i.large", ZONES[1])]
    (instance,) = aws.instances()
    assert instance["InstanceLifecycle"] == "spot"
    assert instance["Placement"]["AvailabilityZone"] == ZONES[1]


@proves(fleets)
def test_priorities_come_before_prices_where_the_strategy_says_so(aws: Aws) -> None:
    prices.tell(PRICES)
    aws.template()
    overrides = aws.overrides("c7i.large", "m7i.large", "m7i.4xlarge")
    for override, priority in zip(overrides, (3.0, 1.0, 2.0), strict=True):
        override["Priority"] = priority
    on_demand = aws.fleet(overrides, OnDemandOptions={"AllocationStrategy": "prioritized"})
    assert bought(on_demand) == [("m7i.large", ZONES[0])]
    spot = aws.fleet(overrides, kind="spot", SpotOptions={"AllocationStrategy": "capacity-optimized-prioritized"})
    assert bought(spot) == [("m7i.large", ZONES[0])]
    assert bought(aws.fleet(overrides)) == [("c7i.large", ZONES[0])]


@proves(fleets)
def test_a_pool_without_capacity_is_an_error_and_the_next_one_is_bought(aws: Aws) -> None:
    prices.tell(PRICES)
    aws.template()
    tell([Rule("spot", "m7i.*", "us-east-1b"), Rule("on-demand", "*", "*")])
    overrides = aws.overrides("m7i.large", zones=ZONES)
    reply = aws.fleet(overrides, kind="spot", SpotOptions={"AllocationStrategy": "price-capacity-optimized"})
    assert bought(reply) == [("m7i.large", ZONES[2])]
    (error,) = reply["Errors"]
    assert error["ErrorCode"] == "InsufficientInstanceCapacity"
    assert error["Lifecycle"] == "spot"
    assert error["LaunchTemplateAndOverrides"]["Overrides"] == overrides[1]
    assert error["LaunchTemplateAndOverrides"]["LaunchTemplateSpecification"]["Version"] == "1"


@proves(fleets)
def test_no_capacity_at_all_is_an_answer_without_instances(aws: Aws) -> None:
    prices.tell(PRICES)
    aws.template()
    tell([Rule()])
    reply = aws.fleet(aws.overrides("m7i.large", "c7i.large", zones=ZONES[:2]), count=3)
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert reply["Instances"] == []
    assert {one["ErrorCode"] for one in reply["Errors"]} == {"InsufficientInstanceCapacity"}
    assert len(reply["Errors"]) == 4
    assert aws.instances() == []


@proves(fleets)
def test_capacity_that_remains_is_counted_down_and_the_rest_bought_elsewhere(aws: Aws) -> None:
    prices.tell(PRICES)
    aws.template()
    tell([Rule("on-demand", "c7i.large", "us-east-1a", remaining=2)])
    reply = aws.fleet(aws.overrides("c7i.large", "m7i.large"), count=3)
    assert bought(reply) == [("c7i.large", ZONES[0])] * 2 + [("m7i.large", ZONES[0])]
    assert bought(aws.fleet(aws.overrides("c7i.large", "m7i.large"))) == [("m7i.large", ZONES[0])]


@proves(fleets)
def test_what_is_not_offered_as_spot_cannot_be_bought_as_spot(aws: Aws) -> None:
    prices.tell(PRICES)
    aws.template()
    reply = aws.fleet(aws.overrides("g6.xlarge"), kind="spot")
    assert reply["Instances"] == []
    assert [one["ErrorCode"] for one in reply["Errors"]] == ["UnfulfillableCapacity"]


@proves(fleets)
def test_a_spot_price_above_the_maximum_is_not_paid(aws: Aws) -> None:
    prices.tell(PRICES)
    aws.template()
    overrides = [{**one, "MaxPrice": "0.035"} for one in aws.overrides("m7i.large", zones=ZONES[:1])]
    reply = aws.fleet(overrides, kind="spot")
    assert [one["ErrorCode"] for one in reply["Errors"]] == ["SpotMaxPriceTooLow"]


@proves(fleets)
def test_open_reservations_are_used_first_where_the_fleet_says_so(aws: Aws) -> None:
    prices.tell(PRICES)
    aws.template()
    reservation = aws.ec2.create_capacity_reservation(
        InstanceType="m7i.large", InstancePlatform="Linux/UNIX", AvailabilityZone=ZONES[0], InstanceCount=1
    )["CapacityReservation"]["CapacityReservationId"]
    first = {"CapacityReservationOptions": {"UsageStrategy": "use-capacity-reservations-first"}}
    reply = aws.fleet(aws.overrides("c7i.large", "m7i.large"), count=2, OnDemandOptions=first)
    assert bought(reply) == [("m7i.large", ZONES[0]), ("c7i.large", ZONES[0])]
    held = {one["InstanceType"]: one.get("CapacityReservationId") for one in aws.instances()}
    assert held == {"m7i.large": reservation, "c7i.large": None}


@proves(fleets, capacity_reservations)
def test_a_full_reservation_that_is_required_says_so(aws: Aws) -> None:
    reservation = aws.ec2.create_capacity_reservation(
        InstanceType="m7i.large", InstancePlatform="Linux/UNIX", AvailabilityZone=ZONES[0], InstanceCount=1
    )["CapacityReservation"]["CapacityReservationId"]
    only = {
        "CapacityReservationPreference": "capacity-reservations-only",
        "CapacityReservationTarget": {"CapacityReservationId": reservation},
    }
    aws.template(CapacityReservationSpecification=only)
    reply = aws.fleet(aws.overrides("m7i.large"), count=2)
    assert bought(reply) == [("m7i.large", ZONES[0])]
    again = aws.fleet(aws.overrides("m7i.large"))
    assert [one["ErrorCode"] for one in again["Errors"]] == ["ReservationCapacityExceeded"]
    (instance,) = aws.instances()
    assert instance["CapacityReservationSpecification"] == only
    assert instance["CapacityReservationId"] == reservation


@proves(fleets)
def test_instances_of_a_fleet_carry_its_tags_and_name_it(aws: Aws) -> None:
    group = aws.group("nodes")
    aws.template(
        NetworkInterfaces=[{"DeviceIndex": 0, "Groups": [group]}],
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": [{"Key": "pool", "Value": "gpu"}]}],
    )
    tags = [{"Key": "karpenter.sh/nodepool", "Value": "gpu"}]
    kinds = [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume", "fleet")]
    fleet = aws.fleet(aws.overrides("m7i.large"), TagSpecifications=kinds)["FleetId"]
    (instance,) = aws.instances()
    assert {one["Key"]: one["Value"] for one in instance["Tags"]}.items() >= {
        "karpenter.sh/nodepool": "gpu",
        "aws:ec2:fleet-id": fleet,
        "aws:ec2launchtemplate:version": "1",
    }.items()
    assert [one["GroupId"] for one in instance["SecurityGroups"]] == [group]
    (volume,) = aws.ec2.describe_volumes()["Volumes"]
    assert volume["Tags"] == tags
    (interface,) = aws.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert interface["TagSet"] == [{"Key": "pool", "Value": "gpu"}]
    assert aws.ec2.describe_fleets(FleetIds=[fleet])["Fleets"][0]["Tags"] == tags


def test_a_fleet_that_is_deleted_takes_its_instances_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with amended(), account() as aws:
        aws.template()
        fleet = aws.fleet(aws.overrides("m7i.large"), count=2)["FleetId"]
        aws.ec2.delete_fleets(FleetIds=[fleet], TerminateInstances=True)
        assert {one["State"]["Name"] for one in aws.instances()} == {"terminated"}


def test_a_fleet_of_another_type_is_left_to_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with amended(), account() as aws:
        aws.template(InstanceType="m7i.large")
        assert aws.fleet([], Type="maintain")["FleetId"].startswith("fleet-")
        assert len(aws.instances()) == 1


def test_an_unknown_launch_template_is_an_error_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with amended(), account() as aws, pytest.raises(Exception, match=r"InvalidLaunchTemplateName\.NotFoundException"):
        aws.fleet(aws.overrides("m7i.large"))
