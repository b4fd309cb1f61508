"""Zones that are none, that take no cluster, or that sell nothing of a pool, are told before anything is made."""

from typing import Any

import pytest

from infra.capacity.checking import check
from infra.settings.wording import named
from tests.infra.builders import settings
from tests.infra.capacity.builders import CATALOG, CPU

B200 = {
    "for": "training",
    "instances": {"gpu": {"models": ["b200"]}},
    "mix": {"on-demand": "100%"},
    "limits": {"gpus": 64},
}
REMEDY = "names of zones differ between accounts: `slipway catalog refresh` reads those of yours"


def told(zones: list[str], capacity: dict[str, Any] | None = None, **sections: Any) -> list[tuple[str, str]]:
    network = {"cidr": "10.40.0.0/16", "zones": zones}
    of_it = settings(network=network, capacity=capacity, models=None, **sections)
    return [(named(each.where), each.what) for each in check(of_it, CATALOG)]


def test_zones_of_the_region_are_fine() -> None:
    assert told(["us-east-1a", "us-east-1b"], {"cpu": CPU}) == []


def test_a_zone_that_the_region_does_not_have_is_refused() -> None:
    ((where, what),) = told(["us-east-1a", "us-east-1z"])
    assert where == "slipway:network.zones[1]"
    assert what == (
        "is us-east-1z, which us-east-1 does not have: it has us-east-1a, us-east-1b, us-east-1c, us-east-1d, "
        f"us-east-1e, us-east-1f; {REMEDY}"
    )


def test_a_zone_in_which_eks_has_no_clusters_is_refused() -> None:
    ((where, what),) = told(["us-east-1e", "us-east-1b"])
    assert where == "slipway:network.zones[0]"
    assert what == (
        "is us-east-1e (use1-az3), in which EKS has no clusters; take of us-east-1a, us-east-1b, us-east-1c, "
        f"us-east-1d, us-east-1f; {REMEDY}"
    )


def test_without_a_cluster_every_zone_will_do() -> None:
    assert told(["us-east-1e", "us-east-1b"], cluster=None) == []


def test_a_pool_of_which_nothing_is_sold_in_the_zones_is_refused() -> None:
    ((where, what),) = told(["us-east-1a", "us-east-1b"], {"gpu": B200})
    assert where == "slipway:capacity.gpu.instances"
    assert what == (
        "takes in p6-b200.48xlarge, of which none is offered in us-east-1a, us-east-1b (slipway:network.zones), "
        f"but in us-east-1c; {REMEDY}"
    )


@pytest.mark.parametrize("zone", ["us-east-1b", "us-east-1a"])
def test_one_zone_that_sells_it_is_enough(zone: str) -> None:
    assert told([zone, "us-east-1c"], {"gpu": B200}) == []


def test_of_a_region_that_the_catalog_does_not_have_nothing_is_said() -> None:
    network = {"cidr": "10.40.0.0/16", "zones": ["eu-north-1a", "eu-north-1z"]}
    of_it = settings(network=network, models=None, capacity={"cpu": CPU}).model_copy(update={"region": "eu-north-1"})
    assert check(of_it, CATALOG) == []
