"""Addresses that pods say, and the ones of the loopback that they stand for."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from slipway.embedded.processes import addresses

NUMBERS = st.integers(min_value=256, max_value=65000)


@given(NUMBERS)
def test_what_is_said_stands_for_an_address_of_the_instance_s_part_of_the_loopback(number: int) -> None:
    said = addresses.said(number)
    real = addresses.real(said, "127.77")
    assert addresses.is_said(said)
    assert ipaddress.ip_address(real) in ipaddress.ip_network("127.77.0.0/16")
    assert real != "127.77.0.1"  # the instance's own
    # Kubernetes takes it for an endpoint.
    assert not ipaddress.ip_address(said).is_loopback


@given(st.sets(NUMBERS, max_size=20))
def test_no_address_is_given_twice(taken: set[int]) -> None:
    said = {addresses.said(number) for number in taken}
    left = addresses.free(said)
    given_now = [next(left) for _ in range(5)]
    assert len(set(given_now)) == 5
    assert not said & set(given_now)
    assert all(ipaddress.ip_address(each).packed[3] for each in given_now)


def test_other_addresses_are_left_as_they_are() -> None:
    assert addresses.real("10.96.0.1", "127.77") == "10.96.0.1"
