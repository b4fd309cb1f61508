"""How long a batch takes: a tail quantile for every size, measured at start, and kept true by what is seen since.

Observations of all sizes are pooled as ratios to what was measured at start, since most of what changes (a neighbour on
the core, a throttled clock) changes all sizes alike. A size that the planner avoids is thereby not believed slow for
ever: it is judged by those that it does choose.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections import deque
from collections.abc import Mapping, Sequence

_HALF_LIFE = 10.0
"""Seconds after which an observation counts half."""
_WINDOW = 128
"""Observations that are kept; at 100 batches a second, those of the last 1.3 s."""
_WEIGHT_OF_START = 4.0
"""What was measured at start weighs as much as this many fresh observations; alone, once those are old."""
_PER_DOUBLING = 0.25
"""How much less an observation tells of a size twice, or half, its own."""
_REFRESH_AFTER = 0.25
"""Seconds for which a quantile is good."""
_FORGET_AFTER = 1.0
"""Seconds after which it is computed anew without an observation, since those there are have aged."""
_FASTEST = 1e-6
"""Seconds below which no measured time is believed: a ratio to zero says nothing."""


class ServiceProfile:
    """Seconds that a batch takes, by its units. Monotone: more units never take less."""

    def __init__(self, measured: Mapping[int, Sequence[float]], *, most: int, quantile: float) -> None:
        """From samples in seconds by units, for batches of up to `most` units.

        Raises:
            ValueError: There is a size without samples, or none at all.
        """
        if not measured or not all(measured.values()):
            raise ValueError("a profile needs samples, of every size in it")
        self._sizes = sorted(measured)
        self._quantile = quantile
        self._most = most
        self._medians = _rising([max(statistics.median(measured[size]), _FASTEST) for size in self._sizes])
        self._at_start = [
            [(seconds / median, _WEIGHT_OF_START / len(measured[size])) for seconds in measured[size]]
            for size, median in zip(self._sizes, self._medians, strict=True)
        ]
        self._seen: deque[tuple[float, float, float]] = deque(maxlen=_WINDOW)
        self._refreshed = -math.inf
        self._is_new = True
        self.version = 0
        """Counts how often the quantiles were computed anew."""
        self._tail: list[float] = []
        self._typical: list[float] = []
        self._median_by_units = self._curve(self._medians)
        self._compute(-math.inf)

    @classmethod
    def unknown(cls, *, most: int, quantile: float, objective: float) -> ServiceProfile:
        """Without an example to measure: as if the largest batch took half the objective, until some were seen."""
        return cls({units: [objective / 2 * units / most] for units in grid(most)}, most=most, quantile=quantile)

    def observe(self, units: int, seconds: float, now: float) -> None:
        """Take note of a batch that took so long."""
        ratio = max(seconds, _FASTEST) / self._median_by_units[min(units, self._most)]
        self._seen.append((now, math.log2(units), ratio))
        self._is_new = True

    def refresh(self, now: float) -> None:
        """Compute the quantiles anew, if there is reason to."""
        age = now - self._refreshed
        if age >= _FORGET_AFTER or (self._is_new and age >= _REFRESH_AFTER):
            self._compute(now)

    def tail(self, units: int) -> float:
        """Seconds within which such a batch is done, but for the tail beyond the quantile."""
        return self._tail[min(units, self._most)]

    def typical(self, units: int) -> float:
        """Median seconds of such a batch."""
        return self._typical[min(units, self._most)]

    def largest(self, seconds: float) -> int:
        """Units of the largest batch that is done within the time; 0 if not even one is."""
        return bisect.bisect_right(self._tail, seconds, lo=1) - 1

    def _compute(self, now: float) -> None:
        fresh = [(ratio, 0.5 ** ((now - then) / _HALF_LIFE), size) for then, size, ratio in self._seen]
        tails, medians = [], []
        for place, size in enumerate(self._sizes):
            at = math.log2(size)
            weighed = [(ratio, weight * _PER_DOUBLING ** abs(at - other)) for ratio, weight, other in fresh]
            weighed += self._at_start[place]
            weighed.sort()
            tails.append(self._medians[place] * _quantile(weighed, self._quantile))
            medians.append(self._medians[place] * _quantile(weighed, 0.5))
        self._tail = self._curve(_rising(tails))
        self._typical = self._curve(_rising(medians))
        self._refreshed = now
        self._is_new = False
        self.version += 1

    def _curve(self, values: Sequence[float]) -> list[float]:
        """Seconds for 0 to `most` units: straight between measured sizes, in proportion beyond the largest."""
        curve = [0.0]
        for units in range(1, self._most + 1):
            place = bisect.bisect_left(self._sizes, units)
            if place == len(self._sizes):
                curve.append(values[-1] * units / self._sizes[-1])
            elif self._sizes[place] == units or place == 0:
                curve.append(values[place])
            else:
                low, high = self._sizes[place - 1], self._sizes[place]
                share = (units - low) / (high - low)
                curve.append(values[place - 1] + share * (values[place] - values[place - 1]))
        return curve


def grid(most: int) -> list[int]:
    """Sizes worth measuring: powers of two, and the largest."""
    return sorted({1 << power for power in range(most.bit_length()) if 1 << power <= most} | {most})


def _rising(values: Sequence[float]) -> list[float]:
    """The nearest values that never fall (pool adjacent violators): noise in one size is not believed of all larger."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        blocks.append((mean, count))
    return [mean for mean, count in blocks for _ in range(count)]


def _quantile(weighed: Sequence[tuple[float, float]], share: float) -> float:
    """The smallest value with at least that share of the weight at or below it; values come sorted."""
    left = share * math.fsum(weight for _, weight in weighed)
    for value, weight in weighed:
        left -= weight
        if left <= 1e-9:
            return value
    return weighed[-1][0]
