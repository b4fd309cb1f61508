"""When requests are due: pure functions of a rate, a duration and a seed.

A schedule says nothing of what is sent but its class (an index, say of a priority), so that the same arrivals can be
offered to any server.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_NANOSECONDS = 1e9


@dataclass(frozen=True, eq=False)
class Schedule:
    """Arrivals of an open loop.

    Attributes:
        due: When each request is due, in nanoseconds after the start; ascending.
        seconds: How long arrivals go on.
        kinds: Of each request, the index of its headers in a plan; all 0 unless `mixed`.
    """

    due: NDArray[np.int64]
    seconds: float
    kinds: NDArray[np.uint32]

    @property
    def rate(self) -> float:
        """Requests per second, on average."""
        return len(self.due) / self.seconds

    def within(self, begin: float, end: float) -> NDArray[np.bool_]:
        """Which requests are due from `begin` to before `end`, both in seconds."""
        mask: NDArray[np.bool_] = (self.due >= begin * _NANOSECONDS) & (self.due < end * _NANOSECONDS)
        return mask


def _schedule(due: NDArray[np.float64], seconds: float) -> Schedule:
    """From seconds to a schedule of one kind."""
    nanoseconds = np.sort(due * _NANOSECONDS).astype(np.int64)
    return Schedule(nanoseconds, seconds, np.zeros(len(nanoseconds), dtype=np.uint32))


def poisson(rate: float, seconds: float, *, seed: int) -> Schedule:
    """Independent users: the number of arrivals is Poisson's, and given it they are uniform over the time.

    Args:
        rate: Requests per second, on average.
        seconds: How long.
        seed: The same one gives the same schedule.
    """
    random = np.random.default_rng(seed)
    return _schedule(random.uniform(0, seconds, random.poisson(rate * seconds)), seconds)


@dataclass(frozen=True, kw_only=True)
class Burst:
    """How a bursty load swings between two rates (a Markov-modulated Poisson process of two states).

    Fischer & Meier-Hellstern, "The Markov-modulated Poisson process (MMPP) cookbook", Performance Evaluation 18 (1993).
    Times in each state are exponential. The quiet rate follows from the mean rate.

    Attributes:
        peak: Rate in a burst, as a multiple of the mean rate.
        share: Of the time that is burst.
        seconds: Mean length of a burst.
    """

    peak: float = 2.5
    share: float = 0.25
    seconds: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.seconds <= 0 or self.peak < 1:
            raise ValueError(f"{self}: a share lies between 0 and 1, seconds above 0, and a peak is 1 at least")
        if self.peak * self.share > 1:
            raise ValueError(f"{self}: bursts alone would exceed the mean rate; lower the peak or the share")

    @property
    def quiet(self) -> float:
        """Rate between bursts, as a multiple of the mean rate."""
        return (1 - self.peak * self.share) / (1 - self.share)


def bursty(rate: float, seconds: float, *, seed: int, burst: Burst | None = None) -> Schedule:
    """Users who come together: quiet, then a burst, then quiet again.

    Args:
        rate: Requests per second on average, over quiet and bursts.
        seconds: How long.
        seed: The same one gives the same schedule.
        burst: How it swings.
    """
    burst = burst or Burst()
    random = np.random.default_rng(seed)
    mean = {True: burst.seconds, False: burst.seconds * (1 - burst.share) / burst.share}
    spans: list[tuple[float, float, bool]] = []
    begin, is_burst = 0.0, False
    while begin < seconds:
        end = min(seconds, begin + random.exponential(mean[is_burst]))
        spans.append((begin, end, is_burst))
        begin, is_burst = end, not is_burst
    # The share of bursts in a few seconds is random; the rates are scaled so that the mean rate is the one asked for.
    weights = np.array([(end - begin) * (burst.peak if hot else burst.quiet) for begin, end, hot in spans])
    counts = random.poisson(rate * seconds * weights / weights.sum())
    parts = [random.uniform(begin, end, count) for (begin, end, _), count in zip(spans, counts, strict=True)]
    return _schedule(np.concatenate(parts), seconds)


def steps(rates: Sequence[tuple[float, float]], *, seed: int) -> Schedule:
    """One Poisson load after another.

    Args:
        rates: Pairs of requests per second, and for how many seconds.
        seed: The same one gives the same schedule.
    """
    due: list[NDArray[np.int64]] = []
    begin = 0.0
    for index, (rate, seconds) in enumerate(rates):
        due.append(poisson(rate, seconds, seed=seed * 1000 + index).due + int(begin * _NANOSECONDS))
        begin += seconds
    together = np.concatenate(due)
    return Schedule(together, begin, np.zeros(len(together), dtype=np.uint32))


def trace(path: Path, rate: float, seconds: float, *, seed: int, column: str = "TIMESTAMP") -> Schedule:
    """Arrivals that were seen: a stretch of a trace, sped up or slowed down to a rate.

    Where it has fewer rows than are needed, the trace is laid on top of itself, each time moved by a random part of its
    length: what is fast and slow in it stays, and its periods do not repeat.

    Args:
        path: A CSV file with a row for each arrival.
        rate: Requests per second, on average over the stretch.
        seconds: How long.
        seed: Decides which stretch.
        column: That holds the time of arrival, in ISO 8601.
    """
    seen = _times(path, column)
    length = seen[-1] - seen[0] + 1e-9
    random = np.random.default_rng(seed)
    wanted = int(rate * seconds)
    # The stretch keeps a hundredth of the trace at least, as a shorter one has too few of its swings.
    layers = int(np.ceil(wanted / (len(seen) * 0.5)))
    stretch = length * min(1.0, wanted / (len(seen) * layers))
    layered = np.concatenate([(seen - seen[0] + random.uniform(0, length)) % length for _ in range(layers)])
    chosen = layered[layered < stretch]
    return _schedule(chosen / stretch * seconds, seconds)


def _times(path: Path, column: str) -> NDArray[np.float64]:
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        if column not in (rows.fieldnames or ()):
            raise ValueError(f"{path} has no column {column}; it has {', '.join(rows.fieldnames or ())}")
        times = [datetime.fromisoformat(row[column][:26]).timestamp() for row in rows]
    if len(times) < 2:
        raise ValueError(f"{path} has {len(times)} arrivals; two are needed to tell a rate")
    return np.sort(np.array(times))


def mixed(schedule: Schedule, shares: Mapping[int, float], *, seed: int) -> Schedule:
    """Give each request one of several kinds, at random.

    Args:
        schedule: The arrivals.
        shares: Of each kind, its part; they are scaled to 1 together.
        seed: The same one gives the same kinds.
    """
    random = np.random.default_rng(seed)
    kinds = np.array(list(shares), dtype=np.uint32)
    parts = np.array(list(shares.values()), dtype=np.float64)
    return replace(schedule, kinds=random.choice(kinds, len(schedule.due), p=parts / parts.sum()))
