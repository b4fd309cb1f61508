"""Measures how long batches take before the first client asks: readiness waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from slipway_kit.model import ContractError, units_of
from slipway_kit.planning.profile import ServiceProfile, grid

_SECONDS = 5.0
"""For all sizes together, unless the fewest repetitions take longer."""
_FEWEST, _MOST = 3, 30
"""Repetitions of a size, after one that is thrown away: it allocates, compiles and fills caches."""


def measured(
    model: Any,
    example: msgspec.Struct | None,
    compute: Callable[[list[Any]], list[Any]],
    *,
    most: int,
    quantile: float,
    objective: float,
) -> ServiceProfile:
    """The profile of a model, by computing batches of its example.

    Sizes beyond the first one that takes longer than the objective are not tried, since none such is ever planned.

    Raises:
        ContractError: The example alone is larger than the largest batch.
        Exception: What the model raised.
    """
    if example is None:
        return ServiceProfile.unknown(most=most, quantile=quantile, objective=objective)
    units = units_of(model, example)
    if units > most:
        raise ContractError(f"the example has {units} units, and SLIPWAY_MAX_BATCH is {most}")
    sizes = grid(most // units)
    samples: dict[int, list[float]] = {}
    for count in sizes:
        items = [example] * count
        _timed(compute, items)
        seconds = samples[count * units] = []
        ends = time.perf_counter() + _SECONDS / len(sizes)
        while len(seconds) < _FEWEST or (len(seconds) < _MOST and time.perf_counter() < ends):
            seconds.append(_timed(compute, items))
        if min(seconds) > objective:
            break
    return ServiceProfile(samples, most=most, quantile=quantile)


def _timed(compute: Callable[[list[Any]], list[Any]], items: list[Any]) -> float:
    begun = time.perf_counter()
    compute(items)
    return time.perf_counter() - begun
