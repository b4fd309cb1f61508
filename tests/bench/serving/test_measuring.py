"""What is read off a run: shares, quantiles, recovery, and the limit."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from slipway.load.results import Outcome, Results
from slipway.load.schedules import Schedule
from tests.bench.serving.limit import limit
from tests.bench.serving.measuring import summed
from tests.bench.serving.scenarios import recovery, timeline
from tests.bench.serving.shape import HEAVY, LIGHT


def _results(
    rate: float,
    seconds: float,
    *,
    latency: NDArray[np.float64] | float,
    outcomes: NDArray[np.uint8] | Outcome = Outcome.CORRECT,
    late: float = 0.0,
    waited: bool = False,
) -> Results:
    """A run of regular arrivals; times in seconds."""
    number = int(rate * seconds)
    due = (np.arange(number) * 1e9 / rate).astype(np.int64)
    found = np.broadcast_to(np.asarray(outcomes, dtype=np.uint8), number)
    return Results(
        schedule=Schedule(due, seconds, np.arange(number, dtype=np.uint32) % 2),
        sent=due + int(late * 1e9) + 1,
        done=due + (np.broadcast_to(np.asarray(latency), number) * 1e9).astype(np.int64),
        status=np.where(found == Outcome.REFUSED, 429, 200).astype(np.uint16),
        outcomes=found,
        waited=np.full(number, waited),
    )


def test_what_is_late_is_answered_but_not_good() -> None:
    latency = np.tile([0.01, 0.01, 0.01, 0.2], 100)
    found = summed(_results(100, 4, latency=latency), 0.1, 0, 4)
    assert (found.offered, found.good, found.share) == (100, 75, 0.75)
    assert (found.refused, found.failed) == (0, 0)
    assert found.p50 == pytest.approx(10)
    assert found.p99 == pytest.approx(200)


def test_shares_add_up() -> None:
    kinds = [Outcome.CORRECT, Outcome.REFUSED, Outcome.WRONG, Outcome.TIMED_OUT, Outcome.BROKEN]
    found = summed(_results(100, 5, latency=0.01, outcomes=np.tile(kinds, 100).astype(np.uint8)), 0.1, 0, 5)
    assert (found.share, found.refused, found.failed) == pytest.approx((0.2, 0.2, 0.6))


def test_only_the_stretch_and_the_kind_asked_for_are_counted() -> None:
    latency = np.concatenate([np.full(100, 0.5), np.full(300, 0.01)])
    results = _results(100, 4, latency=latency)
    assert summed(results, 0.1, 1, 4).share == 1
    assert summed(results, 0.1, 0, 4).share == 0.75
    assert summed(results, 0.1, 1, 4, kind=0).offered == 50


def test_a_run_whose_generator_was_late_is_invalid() -> None:
    assert not summed(_results(100, 4, latency=0.05, late=0.03), 0.1, 0, 4).valid
    assert summed(_results(100, 4, latency=0.05, late=0.003), 0.1, 0, 4).valid


def test_waiting_for_a_connection_is_not_the_generators_fault() -> None:
    assert summed(_results(100, 4, latency=0.05, late=0.03, waited=True), 0.1, 0, 4).valid


def test_recovery_is_when_it_is_calm_and_stays_so() -> None:
    # Calm until 4 s, too much until 6 s, bad until 7.5 s, calm from then on.
    at = np.arange(1200) / 100
    latency = np.where((at >= 4) & (at < 7.5), 0.3, 0.005)
    results = _results(100, 12, latency=latency)
    assert recovery(results, 0.1, calm_until=4, end=6, last=12) == 1.5


def test_latency_within_the_objective_but_not_as_before_is_no_recovery() -> None:
    at = np.arange(1200) / 100
    latency = np.where(at >= 4, 0.05, 0.005)
    assert recovery(_results(100, 12, latency=latency), 0.1, calm_until=4, end=6, last=12) == -1


def test_a_half_second_may_be_as_bad_as_the_worst_one_before() -> None:
    at = np.arange(1200) / 100
    is_slow = ((at >= 2) & (at < 2.5)) | ((at >= 7) & (at < 7.5))
    latency = np.where(is_slow, 0.05, 0.005)
    results = _results(100, 12, latency=latency)
    assert recovery(results, 0.1, calm_until=4, end=6, last=12) == 0
    worse = np.where((at >= 7) & (at < 7.5), 0.051, latency)
    assert recovery(_results(100, 12, latency=worse), 0.1, calm_until=4, end=6, last=12) == 1.5
    # What is refused or late is no half second's privilege, whatever was before.
    late = np.where(is_slow, 0.2, 0.005)
    assert recovery(_results(100, 12, latency=late), 0.1, calm_until=4, end=6, last=12) == 1.5


def test_a_timeline_has_rates() -> None:
    latency = np.concatenate([np.full(100, 0.01), np.full(100, 0.5)])
    assert timeline(_results(100, 2, latency=latency), 0.1, 2) == [
        (0.0, 100.0, 100.0),
        (0.5, 100.0, 100.0),
        (1.0, 100.0, 0.0),
        (1.5, 100.0, 0.0),
    ]


def test_the_limit_is_http_and_a_part_of_a_batch() -> None:
    found = limit(LIGHT, 50e-6, {1: 30e-6, 32: 400e-6, 64: 640e-6})
    assert found.size == 64
    assert found.rate == pytest.approx(1 / (50e-6 + 10e-6))


def test_a_batch_that_has_to_be_waited_for_twice_must_fit_the_objective() -> None:
    assert limit(HEAVY, 50e-6, {1: 0.01, 16: 0.15, 32: 0.3}).size == 16


def test_a_model_that_is_too_slow_alone_is_taken_alone() -> None:
    assert limit(HEAVY, 0.0, {1: 0.4, 2: 0.8}).size == 1
    assert not math.isinf(limit(HEAVY, 0.0, {1: 0.4}).rate)
