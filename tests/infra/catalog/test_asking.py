"""What the catalog answers: which types fit, where they are, what they cost, and what was probably meant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.catalog import DATA, Catalog, UnknownNameError, files
from tests.infra.catalog.builders import catalog_of, instance

CATALOG = Catalog.load()


def names(**asked: Any) -> set[str]:
    return {each.name for each in CATALOG.select(**asked)}


def test_a_folder_is_loaded_once() -> None:
    assert Catalog.load() is Catalog.load(DATA)


def test_families_and_sizes() -> None:
    assert names(families=["m7i", "c7i"], sizes=["xlarge", "2xlarge"]) == {
        "m7i.xlarge",
        "m7i.2xlarge",
        "c7i.xlarge",
        "c7i.2xlarge",
    }


def test_gpus_by_model_and_count() -> None:
    found = CATALOG.select(gpu_models=["l4", "l40s"], gpu_count=1)
    assert {each.family for each in found} == {"g6", "gr6", "g6e"}
    assert {each.accelerator.count for each in found if each.accelerator} == {1}
    assert names(gpu_models=["h100"], gpu_count=8) == {"p5.48xlarge"}


def test_a_model_with_two_amounts_of_memory_can_be_told_apart() -> None:
    assert names(gpu_models=["a100"]) == {"p4d.24xlarge", "p4de.24xlarge"}
    assert names(gpu_models=["a100-80gb"]) == {"p4de.24xlarge"}
    assert names(gpu_models=["a100-40gb"]) == {"p4d.24xlarge"}


def test_a_part_of_a_gpu_is_not_a_gpu() -> None:
    assert "g6f.4xlarge" not in names(gpu_models=["l4"])
    assert names(families=["g6f"], sizes=["4xlarge"]) == {"g6f.4xlarge"}


def test_accelerators_and_bursts_are_never_chosen_unasked() -> None:
    found = CATALOG.select(architectures=["amd64"], min_vcpus=2, max_vcpus=4)
    assert found
    assert {each.accelerator for each in found} == {None}
    assert not any(each.burstable for each in found)
    assert names(families=["t3"], sizes=["medium"]) == {"t3.medium"}
    assert names(families=["g6", "m7i"], sizes=["xlarge"], gpu_count=0) == {"m7i.xlarge"}


def test_processors_and_architecture() -> None:
    found = CATALOG.select(families=["m7i", "m7g"], architectures=["arm64"], min_vcpus=4, max_vcpus=8)
    assert [each.name for each in found] == ["m7g.xlarge", "m7g.2xlarge"]


def test_only_what_a_region_offers() -> None:
    assert names(families=["p5en"], region="us-east-1") == {"p5en.48xlarge"}
    assert names(families=["p5en"], region="eu-west-1") == set()


@pytest.mark.parametrize("name", ["g6.xlarge", "p6-b200.48xlarge", "inf2.xlarge"])
def test_a_type_tells_its_family_size_and_generation(name: str) -> None:
    found = CATALOG.type(name)
    assert f"{found.family}.{found.size}" == name
    assert found.generation == {"g6": 6, "p6-b200": 6, "inf2": 2}[found.family]


@pytest.mark.parametrize(
    ("name", "resource"), [("g6.xlarge", "nvidia.com/gpu"), ("inf2.xlarge", "aws.amazon.com/neuron")]
)
def test_accelerators_name_the_resource_that_pods_ask_for(name: str, resource: str) -> None:
    has = CATALOG.type(name).accelerator
    assert has is not None
    assert has.resource == resource


def test_a_person_may_mean_a_type_a_family_or_a_gpu() -> None:
    assert [each.name for each in CATALOG.find("M7i.large")] == ["m7i.large"]
    assert {each.family for each in CATALOG.find("m7i")} == {"m7i"}
    assert {each.family for each in CATALOG.find("l4")} == {"g6", "gr6", "g6f", "gr6f"}


@pytest.mark.parametrize(
    ("asking", "told"),
    [
        (lambda: CATALOG.type("m7i.larg"), "the catalog has no instance type `m7i.larg`: did you mean `m7i.large`"),
        (lambda: CATALOG.select(families=["m7x"]), "no instance family `m7x`: did you mean `m7i`"),
        (lambda: CATALOG.select(gpu_models=["A10"]), "no GPU model `A10`: did you mean `a10g`"),
        (lambda: CATALOG.select(sizes=["xxlarge"]), "no instance size `xxlarge`: did you mean `xlarge`"),
        (lambda: CATALOG.select(architectures=["x86_64"]), "no architecture `x86_64`: it has `amd64` and `arm64`"),
        (lambda: CATALOG.find("zzz"), "no type, family or GPU model `zzz`: it has "),
        (lambda: CATALOG.zones("eu-west-3"), "did you mean `eu-west-1`"),
        (lambda: CATALOG.zones("eu-west-3"), "add it with `slipway catalog refresh eu-west-3`"),
        (lambda: CATALOG.price("m7i.large", "us-east-1", "us-east-1z"), "no zone of us-east-1 `us-east-1z`"),
        (lambda: CATALOG.prices_json("mars-1"), "no region `mars-1`"),
    ],
)
def test_an_unknown_name_is_refused_with_what_is_near(asking: Callable[[], Any], told: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        asking()
    assert told in str(refused.value)


def test_prices_by_capacity(tmp_path: Path) -> None:
    prices = {("m7i.large", "on-demand", ""): "0.1008", ("m7i.large", "spot", ""): "0.0401"}
    catalog = catalog_of(tmp_path, {"m7i.large": ("us-east-1a",)}, prices)
    assert catalog.price("m7i.large", "us-east-1") == 0.1008
    assert catalog.price("m7i.large", "us-east-1", capacity="spot") == 0.0401
    assert catalog.price("m7i.large", "us-east-1", "us-east-1a") == 0.1008
    assert catalog.priced_regions == ("us-east-1",)


def test_what_no_source_tells_is_none(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, {"m7i.large": ("us-east-1a",)}, {})
    assert catalog.price("m7i.large", "us-east-1") is None
    assert catalog.price("m7i.large", "us-east-1", "us-east-1a", "spot") is None
    assert catalog.prices_json("us-east-1") == {"region": "us-east-1", "on_demand": {}, "spot": {}}
    assert catalog.priced_regions == ()


def test_a_spot_price_of_the_region_holds_for_the_zones_that_offer_the_type(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, {"m7i.large": ("us-east-1a", "us-east-1b")}, {("m7i.large", "spot", ""): "0.04"})
    assert catalog.price("m7i.large", "us-east-1", "us-east-1b", "spot") == 0.04
    assert catalog.price("m7i.large", "us-east-1", "us-east-1c", "spot") is None


def test_the_spot_price_of_a_zone_is_its_own_and_the_regions_is_the_lowest(tmp_path: Path) -> None:
    prices = {("m7i.large", "spot", "us-east-1a"): "0.05", ("m7i.large", "spot", "us-east-1b"): "0.03"}
    catalog = catalog_of(tmp_path, {"m7i.large": ("us-east-1a", "us-east-1b", "us-east-1c")}, prices)
    assert catalog.price("m7i.large", "us-east-1", "us-east-1a", "spot") == 0.05
    assert catalog.price("m7i.large", "us-east-1", "us-east-1c", "spot") is None
    assert catalog.price("m7i.large", "us-east-1", capacity="spot") == 0.03


def test_prices_as_the_local_endpoint_reads_them(tmp_path: Path) -> None:
    offered = {"m7i.large": ("us-east-1a", "us-east-1b"), "m7i.xlarge": ("us-east-1a",)}
    prices = {
        ("m7i.large", "on-demand", ""): "0.1",
        ("m7i.large", "spot", "us-east-1a"): "0.05",
        ("m7i.xlarge", "spot", ""): "0.09",
    }
    assert catalog_of(tmp_path, offered, prices).prices_json("us-east-1") == {
        "region": "us-east-1",
        "on_demand": {"m7i.large": 0.1},
        "spot": {"m7i.large": {"us-east-1a": 0.05}, "m7i.xlarge": {"us-east-1a": 0.09}},
    }


def test_us_east_1_is_priced_for_the_local_endpoint() -> None:
    prices = CATALOG.prices_json("us-east-1")
    offered = {name for name in CATALOG.types if CATALOG.offered(name, "us-east-1")}
    assert len(offered - prices["on_demand"].keys()) < 10
    assert len(offered - prices["spot"].keys()) < 10
    assert all(CATALOG.offered(name, "us-east-1") == tuple(zones) for name, zones in prices["spot"].items())


def test_every_file_tells_its_sources(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, {"m7i.large": ("us-east-1a",)}, {})
    assert [each.title for each in catalog.sources[files.prices_file("us-east-1")]] == ["a test"]


def test_files_are_read_when_they_are_needed(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, {"m7i.large": ("us-east-1a",)}, {})
    (tmp_path / files.TYPES).write_text(files.types_text([instance("c7i.large")]))
    assert list(catalog.types) == ["c7i.large"]
