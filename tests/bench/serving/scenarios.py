"""What a server is put through beside steady load: bursts, recorded arrivals, stalls, priorities, and far too much.

All rates are multiples of one reference, the goodput of slipway-kit, so that every peer is offered the very same
requests at the same moments. Steady goodput says how much a server can do; these say what it does with too much, so
what is compared is how many requests per second are answered correctly within the objective.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slipway import paths
from slipway.load import schedules
from slipway.load.results import Outcome, Results
from slipway.load.schedules import Burst, Schedule
from tests.bench.serving.measuring import Measured, Offering, of_normal_priority, summed
from tests.bench.serving.pace import Pace
from tests.bench.serving.stalls import stalled

TRACE = paths.REPOSITORY.parent / "shared" / "traces" / "azure_llm_2023_conversation.csv"
"""Azure LLM inference trace 2023 (CC-BY; Patel et al., "Splitwise", ISCA 2024). It is not part of the project."""

BURST = Burst(peak=2.5, share=0.25, seconds=0.5)
BURSTY = 0.8
"""Mean of the bursty load: a burst is twice the reference, and longer than the light objective."""
TRACED = 0.8
MIXED = 1.5
SHARES = {0: 0.2, 1: 0.5, 2: 0.3}
"""Of high, normal and low priority: high and normal together are about what can be answered."""
OVERLOAD = 3.0
CALM = 0.5
STALLED = 0.4
"""Of the reference, while the server has three fifths of its core."""
BIN = 0.5
"""Seconds that are summed up together, to see how soon it is calm again."""
_CALM_AGAIN = 1.5
"""Times the median before, below which latency is normal in any case, with a millisecond for the machine."""


@dataclass(frozen=True, kw_only=True)
class Overloaded:
    """Before, during and after three times too much.

    Attributes:
        before: At half of the reference.
        during: At three times the reference.
        after: At half of it again, from 5 s after the overload's end.
        accepted_p99: Milliseconds of 99% of what was answered during it, however late.
        recovery: Seconds from its end until the latency was normal and stayed so; -1 if it never was.
        memory: MiB before it, most during it, and at the end.
        timeline: Start of each half second, and how many requests per second were offered and good in it.
        capacity: Goodput just after it, in requests per second, so that a machine that has become slower or faster
            since the steady load is the same for both; None where it was not measured.
    """

    before: Measured
    during: Measured
    after: Measured
    accepted_p99: float
    recovery: float
    memory: tuple[float, float, float]
    timeline: list[tuple[float, float, float]]
    capacity: float | None = None


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """Together, and of each priority."""

    together: Measured
    by_priority: Mapping[str, Measured]


@dataclass(frozen=True, kw_only=True)
class Endured:
    """Everything that a server was put through in one round; None where there was no trace."""

    bursty: Measured
    traced: Measured | None
    stalled: Measured
    mixed: Mixed
    overload: Overloaded


def endured(
    offering: Offering, reference: float, pace: Pace, *, seed: int, note: Callable[[str], None], trace: Path = TRACE
) -> Endured:
    """Put a server through all of it.

    Args:
        offering: The server.
        reference: Requests per second.
        pace: How long.
        seed: The same one offers the same requests to every server.
        note: Told what is going on.
        trace: A file of arrivals; passed over when absent.
    """
    factor = pace.factor(offering.fixture.shape)
    swinging = pace.swinging * factor

    def swung(schedule: Schedule) -> Measured:
        return _summed(offering, of_normal_priority(schedule), pace.lead)

    note("bursty")
    bursty = swung(schedules.bursty(BURSTY * reference, swinging, seed=seed, burst=BURST))
    traced = None
    if trace.exists():
        note("trace")
        traced = swung(schedules.trace(trace, TRACED * reference, swinging, seed=seed))
    note("stalls")
    with stalled(offering.server.processes()):
        stopped = swung(offering.steady(STALLED * reference, lead=0.0, seconds=swinging, seed=seed))
    note("mixed priorities")
    arrivals = schedules.poisson(MIXED * reference, pace.lead + pace.mixed * factor, seed=seed)
    mixed = _mixed(offering, schedules.mixed(arrivals, SHARES, seed=seed), pace.lead)
    note("overload")
    overload = _overloaded(offering, reference, pace, seed)
    return Endured(bursty=bursty, traced=traced, stalled=stopped, mixed=mixed, overload=overload)


def _summed(offering: Offering, schedule: Schedule, lead: float) -> Measured:
    results, cpu = offering.run(schedule)
    return replace(summed(results, offering.fixture.shape.objective, lead, schedule.seconds), cpu=cpu)


def _mixed(offering: Offering, schedule: Schedule, lead: float) -> Mixed:
    results, cpu = offering.run(schedule)
    objective = offering.fixture.shape.objective
    return Mixed(
        together=replace(summed(results, objective, lead, schedule.seconds), cpu=cpu),
        by_priority={
            name: summed(results, objective, lead, schedule.seconds, kind=kind)
            for kind, name in enumerate(("high", "normal", "low"))
        },
    )


def _overloaded(offering: Offering, reference: float, pace: Pace, seed: int) -> Overloaded:
    factor = pace.factor(offering.fixture.shape)
    # What comes 5 s after the end is looked at for itself, so that it is calm for longer than that.
    calm, overload = max(pace.calm, 6.0), pace.overload * factor
    begin, end = calm, calm + overload
    last = end + calm
    schedule = of_normal_priority(
        schedules.steps(
            [(CALM * reference, calm), (OVERLOAD * reference, overload), (CALM * reference, calm)], seed=seed
        )
    )
    samples = len(offering.server.memory)
    memory_before = offering.server.memory[-1] if samples else float("nan")
    results, cpu = offering.run(schedule)
    memory = offering.server.memory[samples:] or [memory_before]
    objective = offering.fixture.shape.objective
    return Overloaded(
        before=summed(results, objective, pace.lead, begin),
        during=replace(summed(results, objective, begin, end), cpu=cpu),
        after=summed(results, objective, end + 5.0, last),
        accepted_p99=_accepted_p99(results, begin, end),
        recovery=recovery(results, objective, calm_until=begin, end=end, last=last),
        memory=(memory_before, max(memory), memory[-1]),
        timeline=timeline(results, objective, last),
    )


def _accepted_p99(results: Results, begin: float, end: float) -> float:
    answered = results.schedule.within(begin, end) & (results.outcomes != Outcome.REFUSED)
    latency = results.latency[answered]
    return float(np.quantile(latency, 0.99) * 1000) if len(latency) else float("nan")


def timeline(results: Results, objective: float, last: float) -> list[tuple[float, float, float]]:
    """Start of each half second, and how many requests per second were offered and good in it."""
    bins = np.arange(0, last + BIN, BIN)
    due = results.schedule.due / 1e9
    offered = np.histogram(due, bins)[0] / BIN
    good = np.histogram(due[results.good(objective)], bins)[0] / BIN
    return [(float(at), float(all_), float(some)) for at, all_, some in zip(bins, offered, good, strict=False)]


def recovery(results: Results, objective: float, *, calm_until: float, end: float, last: float) -> float:
    """Seconds from `end` until every later half second is as calm as those before.

    A half second is calm if 99% of it was good, and its median latency below 1.5 times that from before plus 1 ms, or
    as in the worst half second before: where one has twenty requests, its median says little.
    """
    good, latency = results.good(objective), results.latency

    def halves(begin: float, until: float) -> Iterator[tuple[float, NDArray[np.bool_]]]:
        for at in np.arange(begin, until - BIN + 1e-9, BIN):
            yield float(at), results.schedule.within(at, at + BIN)

    before = results.schedule.within(BIN, calm_until)
    if not before.any():
        return -1.0
    worst = max(float(np.median(latency[chosen])) for _, chosen in halves(BIN, calm_until) if chosen.any())
    usual = max(float(np.median(latency[before])) * _CALM_AGAIN + 0.001, worst)
    since = -1.0
    for at, chosen in halves(end, last):
        is_calm = not chosen.any() or (good[chosen].mean() >= 0.99 and float(np.median(latency[chosen])) <= usual)
        if not is_calm:
            since = -1.0
        elif since < 0:
            since = at - end
    return since
