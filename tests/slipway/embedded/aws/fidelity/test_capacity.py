"""Prices, scarcity, reservations, groups: what capacity costs, and how much of it there is."""

import json
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from slipway.embedded.aws import endpoint, variables
from slipway.embedded.aws.fidelity import (
    administration,
    capacity_reservations,
    instance_profiles,
    instance_types,
    placement_groups,
    prices,
    scarcity,
    spot_prices,
)
from slipway.errors import InstanceError
from tests.slipway.embedded.aws.fidelity.proving import (
    ACCOUNT,
    IMAGE,
    ZONES,
    Aws,
    account,
    amended,
    proves,
)


def reservation(aws: Aws, **asked: Any) -> str:
    request = {"InstanceType": "p5.48xlarge", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": ZONES[0]}
    made: str = aws.ec2.create_capacity_reservation(**{**request, "InstanceCount": 2, **asked})["CapacityReservation"][
        "CapacityReservationId"
    ]
    return made


@proves(spot_prices)
def test_spot_prices_come_from_the_table_by_type_and_zone(aws: Aws) -> None:
    prices.tell(prices.PriceTable({}, {"m7i.large": {"us-east-1a": 0.05, "us-east-1b": 0.03}, "g6.xlarge": 0.3}))
    asked = {"ProductDescriptions": ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"]}
    found = aws.ec2.describe_spot_price_history(**asked)["SpotPriceHistory"]
    assert {(one["InstanceType"], one["AvailabilityZone"]): one["SpotPrice"] for one in found}.items() >= {
        ("m7i.large", "us-east-1a"): "0.050000",
        ("m7i.large", "us-east-1b"): "0.030000",
    }.items()
    zonal = [float(one["SpotPrice"]) for one in found if one["InstanceType"] == "g6.xlarge"]
    assert len(set(zonal)) == len(zonal) == 5
    assert all(abs(one - 0.3) <= 0.3 * prices.ZONAL_VARIATION for one in zonal)
    one = aws.ec2.describe_spot_price_history(InstanceTypes=["m7i.large"], AvailabilityZone="us-east-1b")
    assert [entry["SpotPrice"] for entry in one["SpotPriceHistory"]] == ["0.030000"]
    filtered = aws.ec2.describe_spot_price_history(Filters=[{"Name": "instance-type", "Values": ["g6.xlarge"]}])
    assert {entry["InstanceType"] for entry in filtered["SpotPriceHistory"]} == {"g6.xlarge"}
    pages = aws.ec2.get_paginator("describe_spot_price_history").paginate(PaginationConfig={"PageSize": 3})
    sizes = [len(part["SpotPriceHistory"]) for part in pages]
    assert (sum(sizes), max(sizes)) == (len(found), 3)


@proves(spot_prices)
def test_what_has_no_price_is_not_offered(aws: Aws) -> None:
    assert aws.ec2.describe_spot_price_history(InstanceTypes=["m7i.large"])["SpotPriceHistory"] == []


def test_prices_are_read_from_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(variables.PRICES, raising=False)
    assert prices.current().on_demand("m7i.large") is None
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"on_demand": {"m7i.large": 0.1008}, "spot": {"m7i.large": {"us-east-1a": 0.04}}}))
    monkeypatch.setenv(variables.PRICES, str(file))
    held = prices.current()
    found = held.on_demand("m7i.large"), held.spot("m7i.large", "us-east-1a"), held.spot("m7i.large", "us-east-1b")
    assert found == (0.1008, 0.04, None)
    file.write_text('{"on_demand": {"m7i.large": "cheap"}}')
    monkeypatch.setenv(variables.PRICES, f"{tmp_path}/./prices.json")
    with pytest.raises(InstanceError, match=r"m7i\.large: a price is a number"):
        prices.current()
    monkeypatch.setenv(variables.PRICES, str(tmp_path / "nowhere.json"))
    with pytest.raises(InstanceError, match=r"nowhere\.json"):
        prices.current()


@pytest.fixture
def admin() -> Any:
    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("418 moto", [])
        return [b""]

    scarcity.tell([])
    prices.tell(None)
    yield Client(administration.serving(app))
    scarcity.tell([])
    prices.tell(None)


def test_scarcity_is_told_and_shown_outside_aws(admin: Any) -> None:
    assert admin.get(scarcity.PATH).get_json() == {"rules": []}
    told = {"rules": [{"capacity_type": "spot", "instance_type": "g6.*", "zone": "us-east-1a", "remaining": 1}]}
    assert admin.put(scarcity.PATH, json=told).get_json() == told
    assert scarcity.take("spot", "g6.xlarge", "us-east-1a")
    assert not scarcity.take("spot", "g6.xlarge", "us-east-1a")
    assert scarcity.take("spot", "g6.xlarge", "us-east-1b")
    assert scarcity.take("on-demand", "g6.xlarge", "us-east-1a")
    assert admin.get(scarcity.PATH).get_json()["rules"][0]["remaining"] == 0
    assert admin.delete(scarcity.PATH).status_code == 405
    assert admin.get("/").status_code == 418


def test_of_several_rules_the_scarcest_decides() -> None:
    scarcity.tell([scarcity.Rule(instance_type="m7i.*", remaining=5), scarcity.Rule(zone="us-east-1a", remaining=1)])
    taken = [scarcity.take("spot", "m7i.large", "us-east-1a") for _ in range(2)]
    assert taken == [True, False]
    assert [rule.remaining for rule in scarcity.rules()] == [4, 0]
    scarcity.tell([])


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("[]", "expected"),
        ('{"rules": [{"kind": "spot"}]}', "rules[0]: a rule is an object with some of capacity_type"),
        ('{"rules": [{}, {"capacity_type": "cheap"}]}', "rules[1].capacity_type: one of spot"),
        ('{"rules": [{"remaining": -1}]}', "rules[0].remaining: a whole number"),
        ('{"rules": [{"zone": 1}]}', "globs"),
        ("{", "Expecting"),
    ],
)
def test_rules_that_make_no_sense_are_refused(admin: Any, document: str, said: str) -> None:
    answer = admin.put(scarcity.PATH, data=document)
    assert answer.status_code == 400
    assert said in answer.get_json()["error"]
    assert scarcity.rules() == []


def test_prices_are_told_and_shown_outside_aws(admin: Any) -> None:
    table = {"on_demand": {"m7i.large": 0.1}, "spot": {}}
    assert admin.put(endpoint.PRICES, json=table).get_json() == table
    assert prices.current().on_demand("m7i.large") == 0.1
    assert admin.put(endpoint.PRICES, json={"m7i.large": 1}).status_code == 400


@proves(capacity_reservations)
def test_a_reservation_is_made_found_changed_and_cancelled(aws: Aws) -> None:
    tags = [{"ResourceType": "capacity-reservation", "Tags": [{"Key": "karpenter.sh/discovery", "Value": "k"}]}]
    identifier, other = reservation(aws, TagSpecifications=tags), reservation(aws, InstanceMatchCriteria="targeted")

    def found(**asked: Any) -> list[Any]:
        listed: list[Any] = aws.ec2.describe_capacity_reservations(**asked)["CapacityReservations"]
        return listed

    def by(name: str, value: str) -> list[str]:
        return [one["CapacityReservationId"] for one in found(Filters=[{"Name": name, "Values": [value]}])]

    (shown,) = found(CapacityReservationIds=[identifier])
    assert shown["CapacityReservationId"].startswith("cr-")
    expected = {
        "OwnerId": ACCOUNT,
        "InstanceType": "p5.48xlarge",
        "AvailabilityZone": ZONES[0],
        "TotalInstanceCount": 2,
        "AvailableInstanceCount": 2,
        "State": "active",
        "Tenancy": "default",
        "InstanceMatchCriteria": "open",
        "EndDateType": "unlimited",
        "ReservationType": "default",
        "Tags": tags[0]["Tags"],
    }
    assert shown.items() >= expected.items()
    assert by("tag:karpenter.sh/discovery", "k") == by("tag-key", "karpenter.sh/discovery") == [identifier]
    assert by("instance-match-criteria", "targeted") == [other]
    assert by("owner-id", ACCOUNT) == by("state", "active") == by("instance-type", "p5.*") == [identifier, other]
    aws.ec2.modify_capacity_reservation(CapacityReservationId=identifier, InstanceCount=5)
    assert found(CapacityReservationIds=[identifier])[0]["AvailableInstanceCount"] == 5
    aws.ec2.cancel_capacity_reservation(CapacityReservationId=identifier)
    assert by("state", "active") == [other]
    first = aws.ec2.describe_capacity_reservations(MaxResults=1)
    assert len(first["CapacityReservations"]) == 1
    assert found(NextToken=first["NextToken"])[0]["CapacityReservationId"] == other
    with pytest.raises(Exception, match=r"InvalidCapacityReservationId\.NotFound"):
        found(CapacityReservationIds=["cr-0123456789abcdef0"])


@proves(capacity_reservations)
def test_instances_in_a_reservation_are_counted_until_they_end(aws: Aws) -> None:
    targeted = reservation(aws, InstanceMatchCriteria="targeted")
    spec = {"CapacityReservationTarget": {"CapacityReservationId": targeted}}

    def run(**asked: Any) -> Any:
        request = {"ImageId": IMAGE, "InstanceType": "p5.48xlarge", "SubnetId": aws.subnets[0], "MinCount": 1}
        return aws.ec2.run_instances(**{**request, "MaxCount": 1, **asked})["Instances"][0]

    def available() -> int:
        shown = aws.ec2.describe_capacity_reservations(CapacityReservationIds=[targeted])["CapacityReservations"]
        count: int = shown[0]["AvailableInstanceCount"]
        return count

    assert "CapacityReservationId" not in run()
    first = run(CapacityReservationSpecification=spec)
    assert first["CapacityReservationId"] == targeted
    run(CapacityReservationSpecification=spec)
    assert available() == 0
    with pytest.raises(Exception, match="ReservationCapacityExceeded"):
        run(CapacityReservationSpecification=spec)
    aws.ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    assert available() == 1
    opened = reservation(aws)
    assert run()["CapacityReservationId"] == opened
    none = {"CapacityReservationPreference": "none"}
    assert "CapacityReservationId" not in run(CapacityReservationSpecification=none)


@proves(placement_groups)
def test_a_placement_group_is_made_found_and_deleted(aws: Aws) -> None:
    made = aws.ec2.create_placement_group(GroupName="training", Strategy="cluster")["PlacementGroup"]
    (shown,) = aws.ec2.describe_placement_groups(GroupNames=["training"])["PlacementGroups"]
    assert shown == made
    assert (shown["Strategy"], shown["State"]) == ("cluster", "available")
    with pytest.raises(Exception, match=r"InvalidPlacementGroup\.Duplicate"):
        aws.ec2.create_placement_group(GroupName="training", Strategy="cluster")
    aws.ec2.delete_placement_group(GroupName="training")
    with pytest.raises(Exception, match=r"InvalidPlacementGroup\.Unknown"):
        aws.ec2.describe_placement_groups(GroupNames=["training"])


@proves(instance_profiles)
def test_instance_profiles_are_listed_by_their_path(aws: Aws) -> None:
    iam = aws.client("iam")
    for name, path in (("one", "/karpenter/us-east-1/k/"), ("two", "/karpenter/us-east-1/other/"), ("three", "/")):
        iam.create_instance_profile(InstanceProfileName=name, Path=path)

    def listed(**asked: Any) -> list[str]:
        pages = iam.get_paginator("list_instance_profiles").paginate(**asked)
        return [one["InstanceProfileName"] for part in pages for one in part["InstanceProfiles"]]

    assert listed(PathPrefix="/karpenter/us-east-1/k/") == ["one"]
    assert listed(PathPrefix="/karpenter/") == ["one", "two"]
    assert listed(PaginationConfig={"PageSize": 2}) == ["one", "two", "three"]


@proves(instance_types)
def test_instance_types_and_offerings_come_in_pages(aws: Aws) -> None:
    first = aws.ec2.describe_instance_types(MaxResults=5)
    second = aws.ec2.describe_instance_types(MaxResults=5, NextToken=first["NextToken"])
    names = [one["InstanceType"] for part in (first, second) for one in part["InstanceTypes"]]
    assert len(set(names)) == 10
    asked = {
        "LocationType": "availability-zone",
        "Filters": [{"Name": "instance-type", "Values": ["g6e.xlarge", "g6.xlarge"]}],
    }
    pages = aws.ec2.get_paginator("describe_instance_type_offerings").paginate(
        **asked, PaginationConfig={"PageSize": 5}
    )
    sizes = [len(part["InstanceTypeOfferings"]) for part in pages]
    assert sizes == [5, 4]


def test_gpus_network_cards_and_zones_of_accelerated_types_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with amended(), account() as aws:
        names = ["g6.xlarge", "g6e.12xlarge", "p5.48xlarge"]
        found = aws.ec2.describe_instance_types(InstanceTypes=names)["InstanceTypes"]
        gpus = {one["InstanceType"]: one["GpuInfo"]["Gpus"][0] for one in found}
        assert {name: (gpu["Name"], gpu["Count"]) for name, gpu in gpus.items()} == {
            "g6.xlarge": ("L4", 1),
            "g6e.12xlarge": ("L40S", 4),
            "p5.48xlarge": ("H100", 8),
        }
        cards = {one["InstanceType"]: len(one["NetworkInfo"]["NetworkCards"]) for one in found}
        assert cards == {"g6.xlarge": 1, "g6e.12xlarge": 1, "p5.48xlarge": 32}
