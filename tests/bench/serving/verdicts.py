"""What must hold, and whether it does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.bench.serving.comparing import Interval, interval, ratio
from tests.bench.serving.peers.table import BARE, BENTOML, BENTOML_TUNED, FASTAPI, GREEDY, LITSERVE, OURS, RAY
from tests.bench.serving.rounds import Outcomes
from tests.bench.serving.scenarios import Endured
from tests.bench.serving.shape import LIGHT, Shape

_OTHERS = (BENTOML_TUNED.name, FASTAPI.name, LITSERVE.name, RAY.name)
_FLAT = 1.1
"""Times the memory before an overload, below which it stayed flat."""
_REACH = 2.0
_AS_GOOD = 0.95
"""Times the greedy batcher, where one that refuses nothing has the least to do."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One thing that must hold.

    Attributes:
        claim: In words.
        needed: What the figure must be at least; at most where `at_most`.
        found: What it is.
        at_most: Whether less is better.
    """

    claim: str
    needed: float
    found: Interval
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether the figure itself is on the right side; how sure that is, its interval says."""
        return self.found.value <= self.needed if self.at_most else self.found.value >= self.needed


def reach(generator: float, outcomes: dict[str, Outcomes]) -> Verdict:
    """Whether the generator could have asked for more than any server answered; the bare one is none."""
    highest = max(
        (
            each.goodput
            for of in outcomes.values()
            for name, kept in of.steady.items()
            for each in kept
            if each is not None and name != BARE.name
        ),
        default=math.nan,
    )
    return Verdict(
        claim="the generator reaches, times the highest goodput of a server",
        needed=_REACH,
        found=interval([generator / highest]),
    )


def verdicts(shape: Shape, outcomes: Outcomes) -> list[Verdict]:
    """Everything that must hold under one workload, as far as it was measured."""
    return [*_steady(shape, outcomes), *_scenarios(shape, outcomes)]


def _goodput(outcomes: Outcomes, name: str) -> list[float | None]:
    return [each.goodput if each is not None else None for each in outcomes.steady.get(name, [])]


def _paired(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Interval | None:
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=False) if a and b]
    return ratio([a for a, _ in pairs], [b for _, b in pairs]) if pairs else None


def _steady(shape: Shape, outcomes: Outcomes) -> Iterator[Verdict]:
    ours = _goodput(outcomes, OURS.name)
    others = {name: _goodput(outcomes, name) for name in outcomes.steady if name not in (OURS.name, BARE.name)}

    def against(name: str, needed: float, claim: str) -> Iterator[Verdict]:
        found = _paired(ours, others.get(name, []))
        if found is not None:
            yield Verdict(claim=claim, needed=needed, found=found)

    if shape is LIGHT:
        yield from against(BENTOML.name, 5.0, "steady goodput, times BentoML's by default")
        rounds = zip(*(others[name] for name in _OTHERS if name in others), strict=False)
        best = [max((rate for rate in each if rate), default=None) for each in rounds]
        found = _paired(ours, best)
        if found is not None:
            yield Verdict(claim="steady goodput, times the best of the other servers'", needed=2.0, found=found)
        yield from against(GREEDY.name, _AS_GOOD, "steady goodput, times the greedy batcher's")
    else:
        for name in others:
            yield from against(name, 1.0, f"steady goodput, times that of {name}")
    limits = [each.rate if each is not None else None for each in outcomes.limits]
    share = _paired(ours, limits)
    if share is not None:
        yield Verdict(claim="steady goodput, as a share of the limit", needed=0.7, found=share)


def _scenarios(shape: Shape, outcomes: Outcomes) -> Iterator[Verdict]:
    ours = outcomes.scenarios.get(OURS.name, [])
    greedy = outcomes.scenarios.get(GREEDY.name, [])
    if not any(ours):
        return

    def good(name: str, of: Callable[[Endured], float], needed: float = 1.3) -> Iterator[Verdict]:
        # One answer per second at least: a server that has given none would drop out of the comparison.
        theirs = [max(of(each), 1.0) if each else None for each in greedy]
        found = _paired([of(each) if each else None for each in ours], theirs)
        if found is not None:
            claim = f"{name}: good answers per second, times the greedy batcher's"
            yield Verdict(claim=claim, needed=needed, found=found)

    if shape is LIGHT:
        yield from good("bursts", lambda each: each.bursty.good)
        yield from good("stalls", lambda each: each.stalled.good, needed=_AS_GOOD)
        yield from good("mixed priorities", lambda each: each.mixed.together.good)
        yield from good("three times too much", lambda each: each.overload.during.good)
    just_after = [each.overload.capacity if each else None for each in ours]
    for capacity, told in ((_goodput(outcomes, OURS.name), "steady goodput"), (just_after, "the goodput just after")):
        held = _paired([each.overload.during.good if each else None for each in ours], capacity)
        if held is not None:
            claim = f"three times too much: good answers, as a share of {told}"
            yield Verdict(claim=claim, needed=0.9, found=held)
    known = [each for each in ours if each]
    yield _most("three times too much: p99 of what was accepted, ms", shape.objective * 1000, known, _accepted)
    yield _most("three times too much: memory after, times that before", _FLAT, known, _memory)
    yield _most("three times too much: seconds until latency is normal again", 5.0, known, _recovery)
    yield Verdict(
        claim="mixed priorities: share of the high ones that is good",
        needed=0.99,
        found=interval([max(each.mixed.by_priority["high"].share, 1e-9) for each in known]),
    )
    yield Verdict(
        claim="mixed priorities: good share of normal ones, times that of low ones",
        needed=1.0,
        found=interval([_order(each) for each in known]),
    )


def _most(claim: str, needed: float, known: Sequence[Endured], of: Callable[[Endured], float]) -> Verdict:
    return Verdict(claim=claim, needed=needed, found=interval([of(each) for each in known]), at_most=True)


def _accepted(each: Endured) -> float:
    return each.overload.accepted_p99


def _memory(each: Endured) -> float:
    before, _, after = each.overload.memory
    return after / before


def _recovery(each: Endured) -> float:
    # A geometric mean has no zero; below a half second is as good as at once. Never is far above any limit.
    return max(each.overload.recovery, 0.1) if each.overload.recovery >= 0 else 1000.0


def _order(each: Endured) -> float:
    shares = each.mixed.by_priority
    return max(shares["normal"].share, 1e-9) / max(shares["low"].share, 1e-3)
