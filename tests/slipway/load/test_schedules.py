"""Schedules: their rates, their shapes, and that a seed says everything."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from slipway.load.schedules import Burst, Schedule, bursty, mixed, poisson, steps, trace

_MAKERS: dict[str, Callable[[int], Schedule]] = {
    "poisson": lambda seed: poisson(2000, 10, seed=seed),
    "bursty": lambda seed: bursty(2000, 10, seed=seed),
    "steps": lambda seed: steps([(2000, 5), (2000, 5)], seed=seed),
    "mixed": lambda seed: mixed(poisson(2000, 10, seed=seed), {0: 1, 2: 3}, seed=seed),
}


@pytest.fixture
def arrivals(tmp_path: Path) -> Path:
    """Ten minutes of a trace whose second half is four times as busy as its first."""
    file = tmp_path / "trace.csv"
    seconds = [*np.arange(0, 300, 2.0), *np.arange(300, 600, 0.5)]
    rows = (f"2023-11-16 18:{15 + int(at // 60)}:{at % 60:09.6f}0,1,1" for at in seconds)
    file.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" + "\n".join(rows) + "\n")
    return file


@pytest.mark.parametrize("name", _MAKERS)
def test_the_mean_rate_is_the_one_asked_for(name: str) -> None:
    # 20,000 arrivals: their standard deviation is 0.7%.
    assert _MAKERS[name](1).rate == pytest.approx(2000, rel=0.04)


@pytest.mark.parametrize("name", _MAKERS)
def test_a_seed_gives_the_same_schedule_and_another_one_another(name: str) -> None:
    once, again, other = _MAKERS[name](1), _MAKERS[name](1), _MAKERS[name](2)
    assert np.array_equal(once.due, again.due)
    assert np.array_equal(once.kinds, again.kinds)
    assert not np.array_equal(once.due[:100], other.due[:100])


@pytest.mark.parametrize("name", _MAKERS)
def test_arrivals_ascend_and_lie_within_the_time(name: str) -> None:
    schedule = _MAKERS[name](3)
    assert (np.diff(schedule.due) >= 0).all()
    assert schedule.due[0] >= 0
    assert schedule.due[-1] <= schedule.seconds * 1e9


def test_gaps_of_a_poisson_load_are_exponential() -> None:
    gaps = np.diff(poisson(2000, 10, seed=1).due)
    assert gaps.std() / gaps.mean() == pytest.approx(1, abs=0.05)


def test_a_burst_reaches_its_peak_and_the_time_between_is_quiet() -> None:
    burst = Burst(peak=2.5, share=0.25, seconds=0.5)
    schedule = bursty(2000, 60, seed=1, burst=burst)
    counts = np.histogram(schedule.due / 1e9, np.arange(0, 60.1, 0.1))[0] / 0.1
    # The share of bursts in one minute is random, so both rates are scaled by the same factor.
    low, high = np.quantile(counts, [0.2, 0.97])
    assert high / low == pytest.approx(burst.peak / burst.quiet, rel=0.25)
    assert np.var(counts) > 3 * np.var(np.histogram(poisson(2000, 60, seed=1).due / 1e9, 600)[0] / 0.1)


def test_a_burst_that_exceeds_the_mean_by_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="bursts alone would exceed the mean rate; lower the peak or the share"):
        Burst(peak=5, share=0.5)


def test_steps_follow_one_another() -> None:
    schedule = steps([(100, 2), (3000, 1), (100, 2)], seed=1)
    counts = [int(schedule.within(*span).sum()) for span in ((0, 2), (2, 3), (3, 5))]
    assert counts == pytest.approx([200, 3000, 200], rel=0.25)
    assert schedule.seconds == 5


@pytest.mark.parametrize("rate", [10, 400])
def test_a_trace_is_scaled_to_the_rate(arrivals: Path, rate: float) -> None:
    schedule = trace(arrivals, rate, 10, seed=4)
    assert schedule.seconds == 10
    assert schedule.rate == pytest.approx(rate, rel=0.6)
    assert np.array_equal(schedule.due, trace(arrivals, rate, 10, seed=4).due)


def test_a_trace_keeps_its_swings(arrivals: Path) -> None:
    # A stretch of two fifths: most have a part of the slow half and a part of the busy one.
    counts = [np.histogram(trace(arrivals, 30, 10, seed=seed).due, 10)[0] for seed in range(8)]
    assert sum(each.max() > 2 * max(1, each.min()) for each in counts) >= 4


def test_a_trace_without_the_column_says_which_it_has(arrivals: Path) -> None:
    with pytest.raises(ValueError, match="has no column arrived; it has TIMESTAMP, ContextTokens, GeneratedTokens"):
        trace(arrivals, 10, 10, seed=1, column="arrived")


def test_kinds_are_mixed_by_their_shares() -> None:
    schedule = mixed(poisson(2000, 10, seed=1), {0: 0.2, 1: 0.5, 2: 0.3}, seed=1)
    shares = np.bincount(schedule.kinds) / len(schedule.kinds)
    assert shares == pytest.approx([0.2, 0.5, 0.3], abs=0.02)
