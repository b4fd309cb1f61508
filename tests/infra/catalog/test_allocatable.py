"""What is left for pods, held against what Karpenter publishes of AL2023 nodes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.catalog import Catalog, allocatable
from infra.catalog.allocatable import kube_reserved_bytes, kube_reserved_millicores
from tests.infra.catalog.builders import instance

MIB = 2**20


@pytest.mark.parametrize(
    ("shape", "left"),
    [  # "Resources" of https://karpenter.sh/docs/reference/instance-types/: thousandths of a processor, MiB, pods
        (("a1.medium", "arm64", 1, 2048, 2, 4), (940, 1392, 8)),
        (("a1.large", "arm64", 2, 4096, 3, 10), (1930, 3055, 29)),
        (("a1.4xlarge", "arm64", 16, 32768, 8, 30), (15890, 27322, 234)),
        (("c3.large", "amd64", 2, 3840, 3, 10), (1930, 2878, 29)),
        (("c3.xlarge", "amd64", 4, 7680, 4, 15), (3920, 6111, 58)),
        (("c3.2xlarge", "amd64", 8, 15360, 4, 15), (7910, 13215, 58)),
        (("c4.8xlarge", "amd64", 36, 61440, 8, 30), (35840, 53903, 234)),
    ],
)
def test_it_is_what_karpenter_publishes(shape: tuple[str, str, int, int, int, int], left: tuple[int, int, int]) -> None:
    name, architecture, vcpus, mib, enis, addresses = shape
    found = allocatable(
        instance(
            name,
            architecture=architecture,
            vcpus=vcpus,
            memory_bytes=mib * MIB,
            network_interfaces=enis,
            ipv4_per_interface=addresses,
        )
    )
    assert (found.millicores, found.memory_bytes / MIB, found.pods) == left


def test_reserved_processor_is_what_nodeadm_computes() -> None:
    """6 %, 1 %, 0.5 % and 0.25 %: 60 + 10 + 10 + 30 thousandths of sixteen processors."""
    assert [kube_reserved_millicores(vcpus) for vcpus in (1, 2, 4, 8, 16)] == [60, 70, 80, 90, 110]


def test_reserved_memory_is_by_pod() -> None:
    assert kube_reserved_bytes(29) == (255 + 11 * 29) * MIB


def test_the_overhead_of_the_hypervisor_can_be_told() -> None:
    plain = instance("m7i.large")
    assert allocatable(plain, vm_memory_overhead=0).memory_bytes == (8192 - 574 - 100) * MIB
    assert allocatable(plain, vm_memory_overhead=0.1).memory_bytes == (8192 - 820 - 574 - 100) * MIB


def test_fewer_pods_reserve_as_much_memory() -> None:
    plain = instance("m7i.large")
    assert allocatable(plain, max_pods=10).pods == 10
    assert allocatable(plain, max_pods=10).memory_bytes == allocatable(plain).memory_bytes


def test_accelerators_are_left_to_pods() -> None:
    assert allocatable(Catalog.load().type("g6.12xlarge")).accelerators == 4


@pytest.mark.parametrize("name", list(Catalog.load().types))
def test_less_is_left_than_there_is(name: str) -> None:
    found = Catalog.load().type(name)
    left = allocatable(found)
    assert 0.9 * found.vcpus * 1000 < left.millicores < found.vcpus * 1000
    assert 0 <= left.memory_bytes < found.memory_bytes


@given(st.integers(1, 448), st.integers(1, 448))
def test_more_processors_leave_more(one: int, other: int) -> None:
    few, many = sorted((one, other))
    assert few * 1000 - kube_reserved_millicores(few) <= many * 1000 - kube_reserved_millicores(many)
