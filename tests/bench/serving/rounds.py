"""The benchmark itself: every peer under every workload, in a new order each round."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np

from slipway.errors import LoadError
from slipway.load.generating import generate, pinned
from slipway.load.plan import Payload, Plan
from slipway.load.program import ANSWER, program
from slipway.load.schedules import poisson
from slipway.progress import Phase, Progress
from tests.bench.serving.fixtures import Fixture
from tests.bench.serving.limit import Limit, limit, timed
from tests.bench.serving.measuring import Measured, Offering, summed
from tests.bench.serving.pace import Pace
from tests.bench.serving.peers.table import BARE, OURS, Peer
from tests.bench.serving.scenarios import Endured, endured
from tests.bench.serving.searching import Found, Search, search
from tests.bench.serving.server import serving
from tests.bench.serving.shape import LIGHT

_WARM = ((0.02, 1.0), (0.05, 1.0), (0.1, 1.0))
"""Shares of the first rate tried, and for how many seconds: BentoML's dispatcher learns from its first requests."""
_INVALID = 2
"""How often a run is repeated in which the generator was late."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where everything runs.

    Attributes:
        server_core: Of every server, with all of its processes.
        load_core: Of the generator.
        folder: Where logs are written.
        spans: Where spans are sent.
    """

    server_core: int
    load_core: int
    folder: Path
    spans: str


@dataclass(frozen=True, kw_only=True)
class Steady:
    """What the search found for one peer in one round."""

    goodput: float
    at: Measured | None
    memory_most: float
    memory_end: float
    tried: Sequence[tuple[float, float]]


@dataclass
class Outcomes:
    """Of one workload, by round: a round in which a peer failed has None."""

    steady: dict[str, list[Steady | None]] = field(default_factory=dict)
    scenarios: dict[str, list[Endured | None]] = field(default_factory=dict)
    limits: list[Limit | None] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def generator_reach(place: Place, progress: Progress, seconds: float) -> Found[Measured]:
    """The highest rate the generator itself keeps, against a compiled server that does nothing."""
    with progress.phase("how much the generator can ask for") as phase:
        words = [*pinned(place.server_core), str(program(ANSWER)), "-body", '{"digit":0,"probabilities":[0.1]}']
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            try:
                port = int((process.stdout or []).readline())  # type: ignore[union-attr]
                plan = Plan(port=port, payloads=[Payload('{"image":[' + "[0.0]," * 60 + "[0.0]]}", '"digit":0,')])

                def probe(rate: float) -> tuple[float, Measured]:
                    phase.note(f"{rate:,.0f}/s")
                    results = generate(plan, poisson(rate, seconds, seed=1), core=place.load_core)
                    if results.is_partial:
                        raise KeyboardInterrupt
                    measured = summed(results, LIGHT.objective, 0.2, seconds)
                    # That it is busy is what is looked for here; only being late is a fault.
                    return (measured.share if not measured.late > LIGHT.objective * 100 else 0.0), measured

                found = search(probe, Search(start=10_000, growth=1.5, precision=1.1, tries=3))
            finally:
                process.kill()
        phase.detail = f"{found.rate:,.0f} requests/s"
    return found


def measure(
    fixture: Fixture, peers: Sequence[Peer], pace: Pace, place: Place, progress: Progress, *, seed: int, scenarios: bool
) -> Iterator[Outcomes]:
    """Measure every peer in every round, and tell after each what is known.

    Args:
        fixture: The workload.
        peers: What is measured.
        pace: For how long.
        place: Where.
        progress: Told what is done.
        seed: Of the order and of the arrivals.
        scenarios: Whether to put some through the scenarios as well.
    """
    outcomes = Outcomes()
    order = np.random.default_rng(seed)
    for number in range(pace.rounds):
        bench = _Round(fixture, pace, place, progress, outcomes, seed=seed + number, name=f"round {number + 1}")
        everyone = [BARE, *peers]
        for index in order.permutation(len(everyone)):
            bench.steady(everyone[index])
        bench.limit()
        contested = [peer for peer in peers if peer.name in pace.contested(fixture.shape) and scenarios]
        for index in order.permutation(len(contested)):
            bench.scenarios(contested[index])
        yield outcomes


class _Round:
    """One round of one workload."""

    def __init__(
        self,
        fixture: Fixture,
        pace: Pace,
        place: Place,
        progress: Progress,
        outcomes: Outcomes,
        *,
        seed: int,
        name: str,
    ) -> None:
        self._fixture, self._pace, self._place, self._progress = fixture, pace, place, progress
        self._outcomes = outcomes
        self._seed = seed
        self._name = f"{name} of {pace.rounds}, {fixture.shape.name}"

    def steady(self, peer: Peer) -> None:
        """Search the goodput of one peer."""
        kept = self._outcomes.steady.setdefault(peer.name, [])
        with self._progress.phase(f"{self._name}: {peer.title}") as phase:
            try:
                kept.append(self._searched(peer, phase, self._start(peer, kept)))
                phase.detail = f"{kept[-1].goodput:,.0f}/s" if kept[-1] else ""
            except LoadError as error:
                kept.append(None)
                self._outcomes.faults.append(f"{self._name}: {error}")
                phase.detail = str(error.what)

    def _start(self, peer: Peer, kept: Sequence[Steady | None]) -> Search:
        if peer is BARE and self._fixture.shape is not LIGHT:
            # Beside what such a model takes, HTTP is next to nothing: the limit does not need it any finer.
            return Search(start=10_000.0, growth=1.5, precision=1.5, tries=1, most=50_000.0)
        before = [each.goodput for each in kept if each is not None and each.goodput > 0]
        if before:
            return self._near(median(before))
        start = 2000.0 if self._fixture.shape is LIGHT else 60.0
        return Search(start=start, precision=self._pace.precision, tries=self._pace.tries, most=50_000.0)

    def _near(self, rate: float) -> Search:
        """What was found before is where to look first, with a step that a noisy machine stays within."""
        pace = self._pace
        return Search(start=rate * 0.9, growth=1.2, precision=pace.precision, tries=pace.tries, most=50_000.0)

    def _searched(self, peer: Peer, phase: Phase, how: Search) -> Steady:
        fixture = _constant(self._fixture) if peer is BARE else self._fixture
        log = self._place.folder / f"{fixture.shape.name}-{peer.name}.log"
        with serving(peer, fixture, core=self._place.server_core, spans=self._place.spans, log=log) as server:
            offering = Offering(server=server, fixture=fixture, batched=peer.batched, core=self._place.load_core)
            for share, warm in _WARM:
                offering.run(offering.steady(max(10.0, how.start * share), lead=0, seconds=warm, seed=self._seed))

            found = self._goodput(offering, phase, how)
            memory = server.memory or [float("nan")]
            return Steady(
                goodput=found.rate, at=found.at, memory_most=max(memory), memory_end=memory[-1], tried=found.tried
            )

    def _goodput(self, offering: Offering, phase: Phase, how: Search) -> Found[Measured]:
        pace, shape = self._pace, self._fixture.shape
        seconds = pace.probe * pace.factor(shape)

        def probe(rate: float) -> tuple[float, Measured]:
            phase.note(f"{rate:,.0f}/s")
            for turn in range(_INVALID + 1):
                schedule = offering.steady(rate, lead=pace.lead, seconds=seconds, seed=self._seed + turn)
                results, cpu = offering.run(schedule)
                measured = summed(results, shape.objective, pace.lead, pace.lead + seconds)
                if measured.valid or measured.share >= 0.99:
                    break
            return measured.share, replace(measured, cpu=cpu)

        return search(probe, how)

    def limit(self) -> None:
        """What could be reached at most in this round."""
        bare = self._outcomes.steady[BARE.name][-1]
        if bare is None or bare.goodput <= 0:
            self._outcomes.limits.append(None)
            return
        with self._progress.phase(f"{self._name}: the model alone") as phase:
            batches = timed(self._fixture, self._place.server_core)
            found = limit(self._fixture.shape, 1 / bare.goodput, batches)
            phase.detail = f"at most {found.rate:,.0f}/s, in batches of {found.size}"
        self._outcomes.limits.append(found)

    def scenarios(self, peer: Peer) -> None:
        """Put one peer through everything but steady load."""
        kept = self._outcomes.scenarios.setdefault(peer.name, [])
        reference = self._reference(peer)
        with self._progress.phase(f"{self._name}: {peer.title}, scenarios") as phase:
            log = self._place.folder / f"{self._fixture.shape.name}-{peer.name}.log"
            try:
                with serving(
                    peer, self._fixture, core=self._place.server_core, spans=self._place.spans, log=log
                ) as server:
                    offering = Offering(
                        server=server, fixture=self._fixture, batched=peer.batched, core=self._place.load_core
                    )
                    offering.run(offering.steady(reference * 0.3, lead=0, seconds=2.0, seed=self._seed))
                    found = endured(offering, reference, self._pace, seed=self._seed, note=phase.note)
                    if peer is OURS:
                        capacity = self._goodput(offering, phase, self._near(reference)).rate
                        found = replace(found, overload=replace(found.overload, capacity=capacity))
                    kept.append(found)
                phase.detail = f"reference {reference:,.0f}/s"
            except LoadError as error:
                kept.append(None)
                self._outcomes.faults.append(f"{self._name}, scenarios: {error}")
                phase.detail = str(error.what)

    def _reference(self, peer: Peer) -> float:
        """The goodput of ours so far, or of the peer itself where ours is not measured."""
        steady = self._outcomes.steady
        of = steady.get(OURS.name) or steady[peer.name]
        found = [each.goodput for each in of if each is not None and each.goodput > 0]
        if not found:
            msg = f"{peer.name} has no goodput to take multiples of"
            raise LoadError(msg, remedy="see the report's faults for why")
        return median(found)


def _constant(fixture: Fixture) -> Fixture:
    """The same requests, all with the answer that the bare server gives."""
    return Fixture(fixture.shape, fixture.model, fixture.items, [0] * len(fixture.items))
