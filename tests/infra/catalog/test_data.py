"""The catalog's files: whole, consistent, from where they say, and true where AWS's own pages tell the same."""

import gzip
import hashlib
import json
from itertools import pairwise
from pathlib import Path

import moto
import pytest

from infra.catalog import DATA, FAMILIES, Catalog, files
from slipway.catalog.aws import shape

CATALOG = Catalog.load()
# Sold as Capacity Blocks only, at prices of the day: https://aws.amazon.com/ec2/capacityblocks/pricing/
WITHOUT_A_PRICE = {"p5e.48xlarge"}
# Newer than the source of on-demand prices; a spot price is known.
WITHOUT_AN_ON_DEMAND_PRICE = {each.name for each in CATALOG.types.values() if each.family == "g7"} | WITHOUT_A_PRICE

SOURCES, TAKEN, DIGESTS = files.read_sources(DATA)


def test_every_file_is_as_it_was_written() -> None:
    """A figure changed by hand has no source: renew the file with `slipway catalog refresh`."""
    found = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in DATA.glob("*.csv")}
    assert found == DIGESTS


def test_the_files_say_what_reading_and_writing_them_gives() -> None:
    types = files.read_types(DATA)
    assert files.types_text(types.values()) == (DATA / "types.csv").read_text()
    assert files.zones_text(files.read_zones(DATA)) == (DATA / "zones.csv").read_text()
    for region in CATALOG.regions:
        assert files.offerings_text(files.read_offerings(DATA, region), types) == text(files.offerings_file(region))
    for region in CATALOG.priced_regions:
        assert files.prices_text(files.read_prices(DATA, region), types) == text(files.prices_file(region))
    contents = {name: text(name) for name in TAKEN}
    assert files.sources_text(SOURCES, TAKEN, contents) == text("sources.json")


def test_the_order_of_a_file_is_its_own() -> None:
    types = files.read_types(DATA)
    assert files.types_text(reversed(list(types.values()))) == text("types.csv")
    prices = files.read_prices(DATA, "us-east-1")
    assert files.prices_text(dict(reversed(list(prices.items()))), types) == text(files.prices_file("us-east-1"))


def test_a_source_that_nothing_is_taken_from_any_more_is_dropped() -> None:
    source = files.Source("a", "https://example.com", "2026-01-01", "Apache-2.0", "all")
    told = files.sources_text({"one": source, "other": source}, {"types.csv": ["one"]}, {"types.csv": ""})
    assert list(json.loads(told)["sources"]) == ["one"]


def test_every_file_has_a_source_with_a_date_and_a_free_licence() -> None:
    assert {name for names in TAKEN.values() for name in names} == SOURCES.keys()
    assert all(TAKEN.values())
    for source in SOURCES.values():
        assert source.date >= "2026-07"
        assert source.licence in {"Apache-2.0", "facts that AWS publishes; no code"}
        assert source.url.startswith("https://")


def test_the_files_stay_small() -> None:
    assert sum(each.stat().st_size for each in DATA.iterdir()) < 600_000


def test_it_has_every_family_and_no_bare_metal() -> None:
    assert set(CATALOG.families) == FAMILIES
    assert not [name for name in CATALOG.types if "metal" in name]


def test_the_shapes_are_those_of_the_installed_moto() -> None:
    """What the local AWS endpoint tells Karpenter is what the catalog plans with."""
    if TAKEN["types.csv"] != ("moto",):
        pytest.skip("the catalog was renewed from AWS")
    told = json.loads(
        gzip.decompress((Path(moto.__file__).parent / "ec2/resources/instance_types.json.gz").read_bytes())
    )
    assert CATALOG.types == {each.name: each for each in map(shape, told.values()) if each}


@pytest.mark.parametrize("family", CATALOG.families)
def test_larger_sizes_have_more_of_everything(family: str) -> None:
    sizes = [each for each in CATALOG.types.values() if each.family == family]
    for smaller, larger in pairwise(sizes):
        assert smaller.vcpus <= larger.vcpus
        assert smaller.memory_bytes <= larger.memory_bytes
        assert (smaller.vcpus, smaller.memory_bytes) != (larger.vcpus, larger.memory_bytes)
        assert smaller.architecture == larger.architecture
        assert (smaller.accelerator is None) == (larger.accelerator is None)


def test_every_type_is_priced_somewhere() -> None:
    def priced(capacity: files.Capacity) -> set[str]:
        known = CATALOG.priced_regions
        return {name for name in CATALOG.types if any(CATALOG.price(name, each, capacity=capacity) for each in known)}

    assert CATALOG.types.keys() - priced("on-demand") <= WITHOUT_AN_ON_DEMAND_PRICE
    assert CATALOG.types.keys() - priced("spot") <= WITHOUT_A_PRICE


def test_a_spot_price_is_above_nothing_and_below_on_demand() -> None:
    """EC2 caps spot at the on-demand price; a hundredth more, as the two are not of the same day."""
    for region in CATALOG.priced_regions:
        prices = files.read_prices(DATA, region)
        assert min(prices.values()) > 0
        for (name, capacity, _), usd in prices.items():
            ceiling = prices.get((name, "on-demand", ""))
            if capacity == "spot" and ceiling is not None:
                assert usd <= ceiling * 101 / 100, name


def test_only_known_zones_offer_known_types() -> None:
    assert {"eu-central-1", "eu-west-1", "us-east-1", "us-west-2"} <= set(CATALOG.regions)
    for region in CATALOG.regions:
        zones = {zone.name for zone in CATALOG.zones(region)}
        offerings = files.read_offerings(DATA, region)
        assert offerings.keys() <= CATALOG.types.keys()
        assert {zone for offered in offerings.values() for zone in offered} <= zones
        assert all(offerings.values())
        assert len({zone.id for zone in CATALOG.zones(region)}) == len(zones) >= 3


@pytest.mark.parametrize(
    ("name", "vcpus", "gib", "usd"),
    [  # https://aws.amazon.com/ec2/pricing/on-demand/ — Linux, US East (N. Virginia)
        ("m5.large", 2, 8, 0.096),
        ("c6i.xlarge", 4, 8, 0.17),
        ("m7i.large", 2, 8, 0.1008),
        ("m7g.medium", 1, 4, 0.0408),
        ("r6g.2xlarge", 8, 64, 0.4032),
        ("t3.medium", 2, 4, 0.0416),
        ("g4dn.xlarge", 4, 16, 0.526),
        ("g5.xlarge", 4, 16, 1.006),
        ("g6.xlarge", 4, 16, 0.8048),
        ("inf2.xlarge", 4, 16, 0.7582),
    ],
)
def test_shapes_and_prices_are_those_that_aws_publishes(name: str, vcpus: int, gib: int, usd: float) -> None:
    found = CATALOG.type(name)
    assert (found.vcpus, found.memory_bytes) == (vcpus, gib * 2**30)
    assert CATALOG.price(name, "us-east-1") == usd


@pytest.mark.parametrize(
    ("name", "model", "count", "gib"),
    [  # https://aws.amazon.com/ec2/instance-types/accelerated-computing/ — gib as EC2's API has it, in whole GiB
        ("g4dn.12xlarge", "t4", 4, 16),
        ("g5.12xlarge", "a10g", 4, 22),
        ("g5.48xlarge", "a10g", 8, 22),
        ("g6.48xlarge", "l4", 8, 22),
        ("g6e.12xlarge", "l40s", 4, 44),
        ("g6f.4xlarge", "l4", 1, 11),
        ("p4d.24xlarge", "a100", 8, 40),
        ("p4de.24xlarge", "a100", 8, 80),
        ("p5.4xlarge", "h100", 1, 80),
        ("p5.48xlarge", "h100", 8, 80),
        ("p5en.48xlarge", "h200", 8, 141),
        ("p6-b200.48xlarge", "b200", 8, 179),
        ("inf2.24xlarge", "inferentia2", 6, 32),
        ("trn1.32xlarge", "trainium", 16, 32),
    ],
)
def test_accelerators_are_those_that_aws_publishes(name: str, model: str, count: int, gib: int) -> None:
    has = CATALOG.type(name).accelerator
    assert has is not None
    assert (has.model, has.count, has.memory_bytes >> 30) == (model, count, gib)


@pytest.mark.parametrize(
    ("name", "pods"),
    [  # https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/kubelet/eni-max-pods.txt
        ("t3.medium", 17),
        ("m5.large", 29),
        ("c5.xlarge", 58),
        ("m5.4xlarge", 234),
        ("m5.24xlarge", 737),
        ("g4dn.xlarge", 29),
        ("p4d.24xlarge", 737),
        ("p5.48xlarge", 100),
    ],
)
def test_pods_are_as_many_as_eks_says(name: str, pods: int) -> None:
    assert CATALOG.type(name).max_pods == pods


@pytest.mark.parametrize(
    ("name", "gbps"),
    [  # https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html, "Network specifications"
        ("g6e.48xlarge", 400),
        ("p4d.24xlarge", 400),
        ("p5.48xlarge", 3200),
        ("m7i.large", 0.781),
    ],
)
def test_bandwidth_is_what_is_sustained(name: str, gbps: float) -> None:
    assert CATALOG.type(name).network_gbps == gbps


def text(name: str) -> str:
    return (DATA / name).read_text()
