"""Finds the goodput of a server: the highest offered rate at which nearly all requests are answered in time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

ENOUGH = 0.99
"""Of the requests that are offered, the share that must be answered correctly within the objective."""
_SLOWEST = 0.5
"""Requests per second, below which a server has no goodput."""

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Search:
    """How the rate is narrowed down.

    Attributes:
        start: The first rate to try, in requests per second.
        growth: By which the rate is multiplied while it is answered, and divided while it is not.
        precision: At this ratio of the lowest rate that failed to the highest that passed, it is found.
        tries: A rate has failed once it failed this many times: a machine that stalls for a moment fails a try, and
            nothing makes a server pass one that it cannot.
        most: Rates above this are not tried.
    """

    start: float
    growth: float = 2.0
    precision: float = 1.04
    tries: int = 2
    most: float = math.inf


@dataclass(frozen=True)
class Found(Generic[_T]):
    """What a search came to.

    Attributes:
        rate: Requests per second; 0 if no rate passed.
        at: What was measured there.
        tried: Every rate that was tried, in order, with the share that was answered.
    """

    rate: float
    at: _T | None
    tried: list[tuple[float, float]]


def search(probe: Callable[[float], tuple[float, _T]], how: Search) -> Found[_T]:
    """Bracket the rate by growing or shrinking it, then halve the bracket on a logarithmic scale.

    Args:
        probe: Offers a rate, and gives the share that was answered in time, and what else was measured.
        how: Where to begin, and when to be content.
    """
    tried: list[tuple[float, float]] = []

    best: _T | None = None

    def passes(rate: float) -> bool:
        nonlocal best
        for _ in range(how.tries):
            share, measured = probe(rate)
            tried.append((rate, share))
            if share >= ENOUGH:
                best = measured  # every rate that passes is above those before
                return True
        return False

    low, high, rate = 0.0, math.inf, how.start
    while high == math.inf or low == 0.0:
        rate = min(rate, how.most)
        if passes(rate):
            low = rate
            if rate >= how.most:
                return Found(low, best, tried)
            rate *= how.growth
        else:
            high = rate
            rate /= how.growth
            if rate < _SLOWEST:
                return Found(0.0, None, tried)
    while high / low > how.precision:
        middle = math.sqrt(high * low)
        if passes(middle):
            low = middle
        else:
            high = middle
    return Found(low, best, tried)
