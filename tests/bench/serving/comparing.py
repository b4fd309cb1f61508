"""Compares what was measured in the same rounds, and says how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SAMPLES = 10_000
_SEED = 20261122
_COVERS = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure, and between which two it lies with 95% confidence.

    Attributes:
        value: Geometric mean.
        low: Lower end; the same as the value where there was one round only.
        high: Upper end.
        rounds: How many rounds it is from.
    """

    value: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        """As in a table."""
        return f"{self.value:.2f}" if self.rounds < 2 else f"{self.value:.2f} ({self.low:.2f} – {self.high:.2f})"


def interval(values: Sequence[float]) -> Interval:
    """Geometric mean of positive figures with a percentile bootstrap interval.

    Efron & Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13. With fewer than five rounds the interval
    is the range of few figures, and is too narrow rather than too wide: it tells noise, not certainty.

    Raises:
        ValueError: There are none, or one is not above zero.
    """
    if not values or not all(0 < value < math.inf for value in values):
        raise ValueError(f"no geometric mean of {list(values)}")
    logarithms = np.log(np.asarray(values, dtype=np.float64))
    drawn = np.random.default_rng(_SEED).choice(logarithms, (_SAMPLES, len(logarithms))).mean(axis=1)
    tail = (1 - _COVERS) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(float(np.exp(logarithms.mean())), float(np.exp(low)), float(np.exp(high)), len(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """How many times theirs ours is, paired by round: what slows a whole round down cancels out.

    Raises:
        ValueError: They are not of the same rounds.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} rounds cannot be paired with {len(theirs)}")
    return interval([a / b for a, b in zip(ours, theirs, strict=True)])
