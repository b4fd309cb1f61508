"""Figures with intervals, paired by round."""

import pytest

from tests.bench.serving.comparing import interval, ratio


def test_a_ratio_is_the_geometric_mean_of_the_rounds() -> None:
    found = ratio([200, 800], [100, 100])
    assert found.value == pytest.approx(4)
    assert (found.low, found.high) == pytest.approx((2, 8))


def test_a_slow_round_cancels_out() -> None:
    found = ratio([1000, 100, 1000], [500, 50, 500])
    assert (found.low, found.value, found.high) == pytest.approx((2, 2, 2))


def test_an_interval_is_narrower_the_closer_the_rounds_are() -> None:
    close, apart = interval([100, 101, 99, 100, 100]), interval([50, 150, 80, 120, 100])
    assert close.high / close.low < apart.high / apart.low
    assert apart.low < apart.value < apart.high


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    import numpy as np  # noqa: PLC0415  # only here

    random = np.random.default_rng(1)
    samples = [interval(list(np.exp(random.normal(0, 0.1, 12)))) for _ in range(100)]
    covering = sum(each.low <= 1 <= each.high for each in samples)
    assert 84 <= covering <= 99


def test_one_round_has_no_interval() -> None:
    found = interval([7.0])
    assert (found.low, found.value, found.high) == pytest.approx((7, 7, 7))
    assert str(found) == "7.00"
    assert str(interval([7.0, 7.0])) == "7.00 (7.00 – 7.00)"


def test_a_rate_of_zero_has_no_ratio() -> None:
    with pytest.raises(ValueError, match=r"no geometric mean of \[0\.0\]"):
        ratio([0.0], [5.0])


def test_rounds_are_paired() -> None:
    with pytest.raises(ValueError, match="2 rounds cannot be paired with 1"):
        ratio([1.0, 2.0], [1.0])
