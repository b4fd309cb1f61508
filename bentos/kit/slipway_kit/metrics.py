"""What Prometheus is told. Counting is a list index here; the client library is called when it is scraped.

Every label value there can be is there from the start: a series that appears with its first error is invisible to
`rate()` until the second.
"""

from __future__ import annotations

import bisect
import enum
import itertools
from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector, CollectorRegistry

from slipway_kit.planning.entry import Reason
from slipway_kit.planning.planner import Planner

ROUTES = ("/predict", "/predict/batch", "/livez", "/readyz", "/metrics", "/openapi.json", "unmatched")
CLASSES = ("2xx", "4xx", "429", "5xx")
"""429 is apart from the other 4xx: it is the server's doing, not the client's."""
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_OFFERED_SECONDS = 10
"""Over which the offered rate is taken."""
_STARTING = "slipway_ready"


class Counts:
    """A histogram: `bounds` are upper bounds, in rising order."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: cumulative."""
        names = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        return list(zip(names, map(float, itertools.accumulate(self.counts)), strict=True))


class Rate:
    """Units per second over the last whole seconds, counted in one place for each second."""

    def __init__(self) -> None:
        self._units = [0] * (_OFFERED_SECONDS + 1)
        self._seconds = [-1] * (_OFFERED_SECONDS + 1)

    def add(self, units: int, now: float) -> None:
        """Count."""
        second = int(now)
        place = second % len(self._units)
        if self._seconds[place] != second:
            self._seconds[place], self._units[place] = second, 0
        self._units[place] += units

    def at(self, now: float) -> float:
        """Units per second; the second that has begun is not counted."""
        last = range(int(now) - _OFFERED_SECONDS, int(now))
        return sum(units for units, at in zip(self._units, self._seconds, strict=True) if at in last) / _OFFERED_SECONDS


class Step(enum.StrEnum):
    """Of a start, after the interpreter's own."""

    LOAD = "load"
    """The model is made and its weights are read."""
    PROFILE = "profile"
    """Batches of it are measured."""


class Metrics(Collector):
    """All that is counted in one process."""

    def __init__(self, *, objective: float, max_batch: int) -> None:
        bounds = tuple(sorted({*_SECONDS, objective / 2, objective}))  # the share within the objective can be read off
        self._requests = {(route, kind): Counts(bounds) for route in ROUTES for kind in CLASSES}
        self._refusals = dict.fromkeys(Reason, 0)
        self._batches = Counts([1 << power for power in range(max_batch.bit_length())])
        self._failed_batches = 0
        self._waited_items = 0
        self._waited_seconds = 0.0
        self._cancelled = 0
        self._offered = Rate()
        self.in_flight = 0
        """Requests that have come and are not answered."""
        self.lost = 0
        """Requests that the end of the process left without their answer."""
        self.is_ready = False
        self.start = dict.fromkeys(Step, 0.0)
        """Seconds that each step of the start took."""
        self.planner: Planner | None = None
        self.more: Callable[[], Iterable[Metric]] = tuple
        """What others count in this process."""
        self.now = 0.0
        """The planner's time, set before each scrape."""

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        kind = "429" if status == 429 else f"{status // 100}xx"
        self._requests[route, kind].observe(seconds)

    def offered(self, units: int, now: float) -> None:
        """An item came."""
        self._offered.add(units, now)

    def refused(self, reason: Reason, items: int) -> None:
        """Items were not computed."""
        self._refusals[reason] += items

    def batch(self, items: int, *, waited: float, failed: bool) -> None:
        """A batch was computed, whose items had waited so many seconds in all."""
        self._batches.observe(items)
        self._waited_items += items
        self._waited_seconds += waited
        self._failed_batches += failed

    def cancelled(self) -> None:
        """A client went before its answer."""
        self._cancelled += 1

    def collect(self) -> Iterable[Metric]:
        """For a scrape."""
        yield GaugeMetricFamily(_STARTING, "1 once the model is loaded and profiled.", value=float(self.is_ready))
        starts = GaugeMetricFamily("slipway_start_seconds", "What the start took; 0 until it is done.", labels=["step"])
        for step, seconds in self.start.items():
            starts.add_metric([step.value], seconds)
        yield starts
        yield GaugeMetricFamily("slipway_in_flight", "Requests that are not answered yet.", value=self.in_flight)
        durations = HistogramMetricFamily(
            "slipway_request_duration_seconds", "From a request's headers to its answer.", labels=["route", "status"]
        )
        for (route, kind), counts in self._requests.items():
            durations.add_metric([route, kind], counts.buckets(), counts.sum)
        yield durations
        refusals = CounterMetricFamily("slipway_refusals", "Items that were not computed.", labels=["reason"])
        for reason, count in self._refusals.items():
            refusals.add_metric([reason.value], count)
        yield refusals
        yield HistogramMetricFamily(
            "slipway_batch_size_items",
            "Items in a batch.",
            buckets=self._batches.buckets(),
            sum_value=self._batches.sum,
        )
        # Of what waits at the moment of a scrape, little is seen: the event loop answers that once it has time.
        yield SummaryMetricFamily(
            "slipway_queue_wait_seconds",
            "From an item's arrival to the start of its batch.",
            count_value=self._waited_items,
            sum_value=self._waited_seconds,
        )
        yield CounterMetricFamily("slipway_batches_failed", "Batches whose model raised.", value=self._failed_batches)
        yield CounterMetricFamily("slipway_cancelled", "Requests whose client went.", value=self._cancelled)
        yield from self._planned()
        yield from self.more()

    def _planned(self) -> Iterable[Metric]:
        planner, now = self.planner, self.now
        oldest = planner.queue.oldest_arrival() if planner else None
        estimates = GaugeMetricFamily(
            "slipway_estimated_service_seconds", "Of a batch of the usual size, by quantile.", labels=["quantile"]
        )
        if planner:
            planner.profile.refresh(now)
        usual = planner.usual_batch if planner else 0
        estimates.add_metric(["typical"], planner.profile.typical(usual) if planner else 0.0)
        estimates.add_metric(["tail"], planner.profile.tail(usual) if planner else 0.0)
        yield estimates
        yield _gauge("slipway_queue_depth", "Items that wait.", planner.queue.items if planner else 0)
        yield _gauge("slipway_queue_bytes", "Bytes of items that wait.", planner.queue.bytes if planner else 0)
        yield _gauge(
            "slipway_oldest_wait_seconds", "Of what waits longest.", now - oldest if oldest is not None else 0.0
        )
        yield _gauge("slipway_usual_batch_units", "Units of the largest batch that is planned.", usual)
        yield _gauge("slipway_capacity_units_per_second", "What the model can.", planner.capacity if planner else 0.0)
        yield _gauge(
            "slipway_capacity_ratio",
            "Offered units, refused ones included, per unit that the model can; above 1 replicas are lacking.",
            self._offered.at(now) / planner.capacity if planner else 0.0,
        )


def registry_of(metrics: Metrics) -> CollectorRegistry:
    """A registry with these metrics and nothing else, so that several applications can be in one process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    return registry


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value)
