"""A ratio comes out as written: in parts of equal size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.capacity.mixes import MOST_PARTS, Ratio, nearest, ratio

HELD = [each for each in range(1, 100) if each not in {1, 2, 3, 4, 34, 48, 49, 51, 52, 66, 96, 97, 98, 99}]


@pytest.mark.parametrize(
    ("on_demand", "parts"),
    [(60, Ratio(3, 2)), (50, Ratio(1, 1)), (75, Ratio(3, 1)), (30, Ratio(3, 7)), (95, Ratio(19, 1)), (33, Ratio(1, 2))],
)
def test_a_share_is_held_by_the_fewest_parts(on_demand: int, parts: Ratio) -> None:
    assert ratio(on_demand) == parts


@pytest.mark.parametrize(
    ("on_demand", "instead"), [(1, 5), (4, 5), (34, 33), (48, 47), (49, 50), (51, 50), (52, 53), (96, 95), (99, 95)]
)
def test_what_twenty_parts_cannot_hold_is_none_and_what_they_can_is_known(on_demand: int, instead: int) -> None:
    assert ratio(on_demand) is None
    assert nearest(on_demand) == instead


def test_every_other_share_is_held_to_half_a_point() -> None:
    for on_demand in HELD:
        held = ratio(on_demand)
        assert held is not None
        assert held.parts <= MOST_PARTS
        assert abs(held.percent - on_demand) <= 0.5
        assert min(held.on_demand, held.spot) >= 1
        assert all(on_demand * parts % 100 for parts in range(2, held.parts)), "fewer parts would be exact"


def test_parts_are_named_after_their_share_and_their_pool() -> None:
    assert Ratio(3, 2).names("cpu") == {
        "on-demand": ("cpu.on-demand-1", "cpu.on-demand-2", "cpu.on-demand-3"),
        "spot": ("cpu.spot-1", "cpu.spot-2"),
    }


@pytest.mark.parametrize(("pods", "points"), [(5, 0.0), (20, 0.0), (1, 60.0), (21, 2.86), (23, 5.22), (50, 0.0)])
def test_the_most_a_share_can_miss_by_is_known_beforehand(pods: int, points: float) -> None:
    assert Ratio(3, 2).deviation(pods) == pytest.approx(points, abs=0.05)


@settings(derandomize=True, max_examples=200, database=None)
@given(st.sampled_from(HELD), st.integers(1, 200), st.randoms(use_true_random=False))
def test_no_balanced_spread_misses_by_more(on_demand: int, pods: int, random: object) -> None:
    held = ratio(on_demand)
    assert held is not None
    each, rest = divmod(pods, held.parts)
    fuller = random.sample(range(held.parts), rest)  # type: ignore[attr-defined]
    bound = each * held.on_demand + sum(part < held.on_demand for part in fuller)
    assert abs(100 * bound / pods - held.percent) <= held.deviation(pods) + 1e-9
