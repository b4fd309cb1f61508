import pytest
from hypothesis import given
from hypothesis import strategies as st
from slipway_kit.planning.profile import ServiceProfile, grid

from tests.bentos.kit.builders import affine, profile

SECONDS = affine(0.010, 0.001)


def seen(kept: ServiceProfile, units: int, seconds: float, *, times: int, now: float) -> None:
    for _ in range(times):
        kept.observe(units, seconds, now)
    kept.refresh(now + 1)


def test_between_measured_sizes_the_time_is_on_the_straight_line() -> None:
    kept = profile(SECONDS)
    assert [round(kept.tail(units), 6) for units in (1, 3, 48, 64)] == [0.011, 0.013, 0.058, 0.074]


def test_the_largest_batch_within_a_time() -> None:
    kept = profile(SECONDS)
    assert (kept.largest(0.0), kept.largest(0.0301), kept.largest(9.0)) == (0, 20, 64)


def test_the_tail_is_that_of_the_samples_and_the_middle_is_their_median() -> None:
    kept = ServiceProfile({1: [0.010] * 18 + [0.030] * 2}, most=1, quantile=0.95)
    assert (kept.tail(1), kept.typical(1)) == pytest.approx((0.030, 0.010))


def test_observations_replace_what_was_measured_at_start() -> None:
    kept = profile(SECONDS)
    seen(kept, 16, 2 * SECONDS(16), times=100, now=100.0)
    assert kept.typical(16) == pytest.approx(2 * SECONDS(16))


def test_what_is_seen_of_one_size_tells_of_the_sizes_that_are_avoided() -> None:
    kept = profile(SECONDS)
    seen(kept, 8, 0.5 * SECONDS(8), times=100, now=100.0)
    assert kept.typical(16) == pytest.approx(0.5 * SECONDS(16))


def test_old_observations_are_forgotten() -> None:
    kept = profile(SECONDS)
    seen(kept, 16, 5 * SECONDS(16), times=100, now=0.0)
    kept.refresh(200.0)
    assert kept.tail(16) == pytest.approx(SECONDS(16))


def test_one_slow_batch_in_a_hundred_does_not_move_the_tail() -> None:
    kept = profile(SECONDS)
    seen(kept, 16, SECONDS(16), times=99, now=0.0)
    seen(kept, 16, 50 * SECONDS(16), times=1, now=0.0)
    assert kept.tail(16) == pytest.approx(SECONDS(16))


def test_noise_in_one_size_is_not_believed_of_all_larger_ones() -> None:
    kept = ServiceProfile({1: [0.050], 2: [0.002], 64: [0.064]}, most=64, quantile=0.95)
    assert (kept.tail(1), kept.tail(2), kept.tail(64)) == pytest.approx((0.026, 0.026, 0.064))


def test_without_samples_there_is_no_profile() -> None:
    with pytest.raises(ValueError, match="samples"):
        ServiceProfile({1: []}, most=1, quantile=0.95)


def test_sizes_worth_measuring_end_with_the_largest() -> None:
    assert grid(48) == [1, 2, 4, 8, 16, 32, 48]


@given(
    st.lists(st.tuples(st.integers(1, 64), st.floats(1e-5, 1.0)), max_size=40),
    st.integers(1, 64),
    st.floats(0.5, 0.99),
)
def test_more_units_never_take_less_whatever_was_seen(
    batches: list[tuple[int, float]], most: int, quantile: float
) -> None:
    kept = ServiceProfile({units: [SECONDS(units)] for units in grid(most)}, most=most, quantile=quantile)
    for now, (units, seconds) in enumerate(batches):
        kept.observe(min(units, most), seconds, float(now))
        kept.refresh(float(now))
    tails = [kept.tail(units) for units in range(1, most + 1)]
    assert tails == sorted(tails)
    assert all(kept.tail(kept.largest(seconds)) <= seconds for _, seconds in batches)
