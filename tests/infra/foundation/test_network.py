"""The plan of a network: addresses that do not overlap and do not move, ways out, and what others find it by."""

import itertools
from ipaddress import IPv4Network

import pytest

from infra.foundation.planning.network import INTERFACES, NetworkSpec, plan_network
from tests.infra.builders import place, settings

ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]


def planned(**network: object) -> NetworkSpec:
    given = {"cidr": "10.40.0.0/16", "zones": ZONES, **network}
    plan = plan_network(settings(network=given), place())
    assert plan is not None
    return plan


@pytest.mark.parametrize("cidr", ["10.40.0.0/16", "192.168.16.0/20", "172.16.128.0/17"])
@pytest.mark.parametrize("zones", [ZONES, ZONES[:2]])
def test_subnets_are_parts_of_the_network_and_share_nothing(cidr: str, zones: list[str]) -> None:
    plan = planned(cidr=cidr, zones=zones)
    blocks = [IPv4Network(subnet.cidr) for subnet in plan.subnets]
    assert len(blocks) == 3 * len(zones)
    assert all(block.subnet_of(IPv4Network(cidr)) for block in blocks)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(blocks, 2))
    # AWS keeps five addresses of each, and EKS wants six in those of its own.
    assert min(block.num_addresses for block in blocks) >= 16


def test_addresses_are_where_they_are_needed() -> None:
    assert {subnet.name: subnet.cidr for subnet in planned().subnets} == {
        "public-a": "10.40.192.0/21",
        "private-a": "10.40.0.0/18",
        "intra-a": "10.40.224.0/21",
        "public-b": "10.40.200.0/21",
        "private-b": "10.40.64.0/18",
        "intra-b": "10.40.232.0/21",
        "public-c": "10.40.208.0/21",
        "private-c": "10.40.128.0/18",
        "intra-c": "10.40.240.0/21",
    }


def test_a_third_zone_moves_nothing() -> None:
    two, three = planned(zones=ZONES[:2]), planned()
    assert set(map(repr, two.subnets)) < set(map(repr, three.subnets))


def test_nat_is_in_every_zone_in_one_or_in_none() -> None:
    ways = {
        kind: {subnet.name: subnet.nat for subnet in planned(nat=kind).of_kind("private")}
        for kind in ("per-zone", "single", "none")
    }
    assert ways["per-zone"] == {f"private-{zone}": f"public-{zone}" for zone in "abc"}
    assert ways["single"] == {f"private-{zone}": "public-a" for zone in "abc"}
    assert set(ways["none"].values()) == {""}
    assert [planned(nat=kind).nats for kind in ("single", "none")] == [("public-a",), ()]
    assert {subnet.nat for subnet in planned().subnets if subnet.kind != "private"} == {""}


def test_karpenter_and_load_balancers_find_their_subnets() -> None:
    plan = planned()
    for subnet in plan.subnets:
        tags = subnet.tags
        assert (tags.get("karpenter.sh/discovery") == "k") == (subnet.kind == "private")
        assert (tags.get("kubernetes.io/role/elb") == "1") == (subnet.kind == "public")
        assert (tags.get("kubernetes.io/role/internal-elb") == "1") == (subnet.kind == "private")


def test_a_network_without_a_cluster_is_found_by_no_karpenter() -> None:
    plan = plan_network(settings(cluster=None, models=None), place())
    assert plan is not None
    assert not any("karpenter.sh/discovery" in subnet.tags for subnet in plan.subnets)


def test_gateways_are_always_there_and_interfaces_where_they_are_wanted() -> None:
    assert planned(**{"private-endpoints": False}).interfaces == ()
    plan = planned(**{"private-endpoints": True})
    assert plan.gateways == ("s3", "dynamodb")
    called = {"ecr.api", "ecr.dkr", "sts", "ec2", "eks", "eks-auth", "sqs", "logs", "ssm", "kms"}
    assert called <= set(plan.interfaces) == set(INTERFACES)


def test_a_stack_without_a_network_has_none() -> None:
    assert plan_network(settings(network=None, cluster=None, models=None), place()) is None
