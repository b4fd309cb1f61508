"""What a node of a type has for pods: figures that EKS and Karpenter publish."""

import pytest

from slipway.embedded.fleet.sizing import architecture, gpus, pods_by_addresses, pods_of_managed_group, size
from tests.slipway.embedded.fleet.builders import kind


@pytest.mark.parametrize(
    ("name", "pods", "cpu", "memory"),
    [
        # https://karpenter.sh/docs/reference/instance-types/ (resources of each type)
        ("m5.large", 29, "1930m", "6903Mi"),
        ("g4dn.xlarge", 29, "3920m", "14481Mi"),
        ("m5.24xlarge", 737, "95690m", "355262Mi"),
        ("p5.48xlarge", 100, "191450m", "1938410Mi"),
    ],
)
def test_allocatable_is_what_karpenter_publishes(name: str, pods: int, cpu: str, memory: str) -> None:
    left = size(kind(name)).allocatable
    assert (left["pods"], left["cpu"], left["memory"]) == (str(pods), cpu, memory)


def test_capacity_is_everything_but_what_the_hypervisor_keeps() -> None:
    assert size(kind("m5.large")).capacity == {
        "cpu": "2",
        "memory": "7577Mi",
        "ephemeral-storage": "20Gi",
        "pods": "29",
    }


def test_graviton_keeps_64_mebibytes_back() -> None:
    assert architecture(kind("m7g.large")) == "arm64"
    assert architecture(kind("m5.large")) == "amd64"
    # (8192 - 64) MiB, less 7.5 % rounded up
    assert size(kind("m7g.large")).capacity["memory"] == "7518Mi"


def test_disk_is_what_is_left_after_reserve_and_eviction() -> None:
    left = size(kind("m5.large"), disk_gib=100).allocatable["ephemeral-storage"]
    assert int(left) == 100 * 2**30 - 2**30 - 10 * 2**30


def test_memory_is_reserved_for_the_pods_that_have_addresses_whatever_kubelet_allows() -> None:
    assert size(kind("m5.large"), pods=110).allocatable["memory"] == size(kind("m5.large")).allocatable["memory"]
    assert size(kind("m5.large"), pods=110).capacity["pods"] == "110"


@pytest.mark.parametrize(("name", "by_addresses", "managed"), [("m5.large", 29, 29), ("m5.24xlarge", 737, 250)])
def test_managed_groups_bound_the_number_of_pods(name: str, by_addresses: int, managed: int) -> None:
    assert (pods_by_addresses(kind(name)), pods_of_managed_group(kind(name))) == (by_addresses, managed)


def test_only_nvidias_gpus_are_its_plugins() -> None:
    assert {name: gpus(kind(name)) for name in ("m5.large", "g6.xlarge", "p5.48xlarge")} == {
        "m5.large": 0,
        "g6.xlarge": 1,
        "p5.48xlarge": 8,
    }
    assert gpus({**kind("g6.xlarge"), "GpuInfo": {"Gpus": [{"Count": 4, "Manufacturer": "AMD"}]}}) == 0
