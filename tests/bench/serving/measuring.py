"""Offers a schedule to a server, and sums up what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slipway.load.generating import generate
from slipway.load.plan import PRIORITIES, Plan
from slipway.load.results import Outcome, Results
from slipway.load.schedules import Schedule, poisson
from tests.bench.serving.fixtures import Fixture
from tests.bench.serving.server import Server

_TIMEOUTS = 6.0
"""Objectives after which a client gives up: long after the answer is of use, soon enough to end a run."""
_NORMAL = 1
"""The kind of requests that are not of several priorities."""
LATE_SECONDS = 0.01
"""A run in which the generator itself sent more than 1% of the requests this late tells nothing of the server."""
TOO_BUSY = 0.97
"""Share of its core above which the generator reads answers late as well."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came of a stretch of a run.

    Attributes:
        offered: Requests per second.
        good: Requests per second that were answered correctly within the objective.
        share: Of the offered ones, those.
        refused: Share that was answered with 429 or 503.
        failed: Share that was answered wrongly, with another status, too late for the client, or not at all.
        p50: Milliseconds within which half of what was answered correctly was answered, from when it was due.
        p99: The same of 99%.
        p999: The same of 99.9%.
        cpu: Microseconds of processor time of the server per request that it answered correctly, over the whole run.
        memory: MiB of the server at the end.
        late: Milliseconds that the generator was late, 99th percentile.
        valid: Whether the generator kept its times.
    """

    offered: float
    good: float
    share: float
    refused: float
    failed: float
    p50: float
    p99: float
    p999: float
    cpu: float = 0.0
    memory: float = 0.0
    late: float = 0.0
    valid: bool = True


def summed(results: Results, objective: float, begin: float, end: float, *, kind: int | None = None) -> Measured:
    """Sum up the requests that were due from `begin` to before `end`, in seconds.

    Args:
        results: Of the run.
        objective: Seconds.
        begin: Requests due before it have warmed the server up.
        end: Requests due from it on are not counted.
        kind: Only requests of this kind.
    """
    chosen = results.schedule.within(begin, end)
    if kind is not None:
        chosen &= results.schedule.kinds == kind
    number = max(1, int(chosen.sum()))
    good = int(results.good(objective)[chosen].sum())
    refused = int(((results.outcomes == Outcome.REFUSED) & np.isin(results.status, (429, 503)))[chosen].sum())
    correct = int((results.outcomes == Outcome.CORRECT)[chosen].sum())
    latency = results.latency[chosen & (results.outcomes == Outcome.CORRECT)] * 1000
    p50, p99, p999 = _quantiles(latency, (0.5, 0.99, 0.999))
    (late,) = _quantiles(results.lateness * 1000, (0.99,))
    return Measured(
        offered=number / (end - begin),
        good=good / (end - begin),
        share=good / number,
        refused=refused / number,
        failed=(number - correct - refused) / number,
        p50=p50,
        p99=p99,
        p999=p999,
        late=late,
        valid=not late > LATE_SECONDS * 1000 and results.busy <= TOO_BUSY,
    )


def _quantiles(values: NDArray[np.float64], which: Sequence[float]) -> list[float]:
    return [float(each) for each in np.quantile(values, which)] if len(values) else [float("nan")] * len(which)


@dataclass(frozen=True, kw_only=True)
class Offering:
    """Who is asked what, from which core.

    Attributes:
        server: The running peer.
        fixture: Its workload.
        batched: Whether a request carries a list of one item.
        core: Of the generator.
    """

    server: Server
    fixture: Fixture
    batched: bool
    core: int

    def run(self, schedule: Schedule, *, timeout: float | None = None) -> tuple[Results, float]:
        """Offer a schedule to the idle server.

        Returns:
            What became of it, and microseconds of the server's time per correct answer.
        """
        plan = Plan(
            port=self.server.port,
            payloads=self.fixture.payloads(batched=self.batched),
            headers=PRIORITIES,
            timeout=timeout or _TIMEOUTS * self.fixture.shape.objective,
        )
        self.server.calm(plan.payloads[0], self.fixture.shape.objective)
        before = self.server.cpu()
        results = generate(plan, schedule, core=self.core)
        if results.is_partial:
            raise KeyboardInterrupt
        correct = int((results.outcomes == Outcome.CORRECT).sum())
        return results, (self.server.cpu() - before) / max(1, correct) * 1e6

    def steady(self, rate: float, *, lead: float, seconds: float, seed: int) -> Schedule:
        """A Poisson load of requests of normal priority."""
        return of_normal_priority(poisson(rate, lead + seconds, seed=seed))


def of_normal_priority(schedule: Schedule) -> Schedule:
    """The same arrivals, all of normal priority."""
    return Schedule(schedule.due, schedule.seconds, np.full(len(schedule.due), _NORMAL, dtype=np.uint32))
