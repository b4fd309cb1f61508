"""What docs/from-a-fork-to-production.md says that each environment needs of AWS's quotas is what its file comes to."""

import json
import math
import re
from typing import Any

import pytest

from infra.capacity.planning import plan
from infra.settings import EksCluster, load
from infra.settings.quantities import millicores
from slipway.paths import REPOSITORY
from tests.infra.capacity.builders import CATALOG
from tests.infra.graphs import config_of

PAGE = (REPOSITORY / "docs" / "from-a-fork-to-production.md").read_text()
STACKS = ("dev", "staging", "prod")
SYSTEM_VCPUS, SYSTEM_GIB = 2, 50


def told(code: str, stack: str) -> int:
    """The figure of the page for a quota and a stack."""
    row = re.search(rf"^\|[^|]*\b{code} \|(.*)\|$", PAGE, re.MULTILINE)
    assert row is not None, code
    return int(row[1].split("|")[STACKS.index(stack)])


def needed(stack: str) -> dict[str, int]:
    """What the pools and system nodes of a stack can come to."""
    settings = load(config_of(stack), stack=stack)
    assert isinstance(settings.cluster, EksCluster)
    system = settings.cluster.system.max
    found = dict.fromkeys(("L-1216C47A", "L-34B43A08", "L-DB2E81BA", "L-3819A6DF"), 0)
    found["L-1216C47A"] = system * SYSTEM_VCPUS
    gibibytes = system * SYSTEM_GIB
    for name, pool in plan(settings.capacity, CATALOG, region=settings.region).pools.items():
        disk = int(pool.node_class.volumes[-1].size.removesuffix("Gi"))
        smallest = min(pool.types, key=lambda each: each.vcpus)
        for node in pool.node_pools:
            if smallest.accelerator:
                nodes = int(node.limits[smallest.accelerator.resource]) // smallest.accelerator.count
                vcpus, codes = nodes * smallest.vcpus, ("L-DB2E81BA", "L-3819A6DF")
            else:
                vcpus, codes = millicores(node.limits["cpu"]) // 1000, ("L-1216C47A", "L-34B43A08")
                nodes = vcpus // smallest.vcpus
            assert nodes, name
            gibibytes += nodes * disk
            found[codes[0]] += vcpus if {"on-demand", "reserved"} & {*node.capacity_types} else 0
            found[codes[1]] += vcpus if "spot" in node.capacity_types else 0
    return {**found, "L-7A658B76": math.ceil(gibibytes / 1024)}


def of_type(stack: str, token: str) -> list[dict[str, Any]]:
    """What a stack's golden file, which is held to its graph, has of one type."""
    golden = json.loads((REPOSITORY / "tests" / "golden" / f"{stack}.json").read_text())
    return [each["inputs"] for each in golden.values() if each["type"] == token]


@pytest.mark.parametrize("stack", STACKS)
def test_the_page_asks_for_what_the_pools_can_buy(stack: str) -> None:
    assert {code: told(code, stack) for code in needed(stack)} == needed(stack)


@pytest.mark.parametrize("stack", STACKS)
def test_the_page_asks_for_what_the_network_has(stack: str) -> None:
    endpoints = of_type(stack, "aws:ec2/vpcEndpoint:VpcEndpoint")
    assert told("L-29B6F2EB", stack) == sum(each["vpcEndpointType"] == "Interface" for each in endpoints)
    assert told("L-0263D0A3", stack) == len(of_type(stack, "aws:ec2/eip:Eip"))
    subnets = [each["subnetId"] for each in of_type(stack, "aws:ec2/natGateway:NatGateway")]
    assert told("L-FE5A380F", stack) == max(map(subnets.count, subnets))
    assert told("L-F678F1CE", stack) == len(of_type(stack, "aws:ec2/vpc:Vpc"))
