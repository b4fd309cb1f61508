"""The search for goodput, over servers that are formulas."""

import math
from collections.abc import Callable

import pytest

from tests.bench.serving.searching import Found, Search, search


def _server(capacity: float) -> Callable[[float], tuple[float, str]]:
    """Answers everything up to its capacity, and its capacity's share of what is above."""
    return lambda rate: (min(1.0, capacity / rate), f"at {rate:.0f}")


def _flaky(capacity: float, *, fails: int) -> Callable[[float], tuple[float, None]]:
    """As above, but every so many tries the machine stalls."""
    tries = 0

    def probe(rate: float) -> tuple[float, None]:
        nonlocal tries
        tries += 1
        return (0.5 if tries % fails == 0 else min(1.0, capacity / rate)), None

    return probe


@pytest.mark.parametrize("capacity", [3.0, 97.0, 12_345.0])
@pytest.mark.parametrize("start", [10.0, 1000.0, 30_000.0])
def test_the_highest_rate_of_which_99_percent_are_good_is_found(capacity: float, start: float) -> None:
    found = search(_server(capacity), Search(start=start, precision=1.02))
    # At capacity / 0.99 exactly 99% are good.
    assert capacity / 1.02 <= found.rate <= capacity / 0.99
    assert found.at == f"at {found.rate:.0f}"


def test_it_is_what_was_measured_last_at_a_rate_that_passed() -> None:
    found = search(_server(500), Search(start=100))
    assert max(rate for rate, share in found.tried if share >= 0.99) == found.rate


def test_few_rates_are_tried() -> None:
    found: Found[str] = search(_server(5000), Search(start=1000, growth=2, precision=1.05, tries=1))
    # 1000, 2000, 4000, 8000, then log2(ln 2 / ln 1.05) = 3.8 halvings.
    assert len(found.tried) == 4 + math.ceil(math.log2(math.log(2) / math.log(1.05)))


def test_one_stall_of_the_machine_costs_nothing() -> None:
    assert search(_flaky(5000, fails=3), Search(start=1000, precision=1.02)).rate >= 5000 / 1.02


def test_without_a_second_try_it_does() -> None:
    assert search(_flaky(5000, fails=3), Search(start=1000, precision=1.02, tries=1)).rate < 5000 / 1.02


def test_a_server_that_answers_nothing_has_no_goodput() -> None:
    found = search(lambda _: (0.0, None), Search(start=100))
    assert (found.rate, found.at) == (0.0, None)
    assert min(rate for rate, _ in found.tried) < 1


def test_nothing_above_the_most_is_tried() -> None:
    found = search(_server(math.inf), Search(start=100, most=1000))
    assert found.rate == 1000
    assert max(rate for rate, _ in found.tried) == 1000
