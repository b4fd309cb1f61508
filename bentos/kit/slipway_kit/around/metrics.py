"""What Prometheus is told of cache, breakers, fallbacks and review. Every label value is there from the start."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from slipway_kit.around.breaker import State
from slipway_kit.around.settings import Step

_Label = TypeVar("_Label", bound=enum.StrEnum)


class Source(enum.StrEnum):
    """Whose answer it is."""

    MODEL = "model"
    CACHE = "cache"
    """As good as the model's own: not older than SLIPWAY_CACHE_SECONDS."""
    SMALLER = "smaller"
    CACHED = "cached"
    """Older than that, as the model failed."""
    DEFAULT = "default"


class Lookup(enum.StrEnum):
    """What looking for an answer in the cache came to."""

    MEMORY = "memory"
    SHARED = "shared"
    """Redis had it."""
    JOINED = "joined"
    """It waited for an equal item that was being computed."""
    MISS = "miss"


class Trouble(enum.StrEnum):
    """Why Redis was of no use."""

    ERROR = "error"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"
    """It was left alone: its breaker is open, or too much was on its way to it."""
    UNREADABLE = "unreadable"
    """What it held is no answer of this model."""


class Loss(enum.StrEnum):
    """Why an item for review is in the log instead of the queue."""

    SPOOL_FULL = "spool_full"
    TOO_LARGE = "too_large"
    REJECTED = "rejected"
    """The queue said more than once that the message itself is wrong."""
    SHUTDOWN = "shutdown"
    """The process ended before the queue had it."""
    CONFIDENCE_FAILED = "confidence_failed"
    """The author's `confidence` raised, so that nothing can be said."""


class Guarded(enum.StrEnum):
    """What has a breaker."""

    MODEL = "model"
    REDIS = "redis"


class AroundMetrics:
    """Counts; `collect` is chained into the process's collector.

    What the review thread counts too is changed under the spool's lock: `queued`, `sent`, `retried`, `lost`.
    """

    def __init__(self) -> None:
        self.answers = dict.fromkeys(Source, 0)
        self.lookups = dict.fromkeys(Lookup, 0)
        self.troubles = dict.fromkeys(Trouble, 0)
        self.steps_failed = dict.fromkeys(Step, 0)
        self.unanswered = 0
        """Items for which the model failed and no fallback had an answer."""
        self.states = dict.fromkeys(Guarded, State.CLOSED)
        self.transitions = {(guarded, state): 0 for guarded in Guarded for state in State}
        self.cache_bytes = 0
        self.cache_entries = 0
        self.queued = 0
        self.sent = 0
        self.retried = 0
        self.lost = dict.fromkeys(Loss, 0)
        self.spooled = 0
        """Items that wait for the queue to take them."""

    def entered(self, guarded: Guarded, state: State) -> None:
        """A breaker changed."""
        self.states[guarded] = state
        self.transitions[guarded, state] += 1

    def collect(self) -> Iterable[Metric]:
        """For a scrape."""
        yield _counted("slipway_answers", "Items answered, by whose answer it is.", "source", self.answers)
        yield _counted("slipway_cache_lookups", "Items looked for in the cache.", "result", self.lookups)
        yield _counted("slipway_cache_errors", "Calls of Redis that were of no use.", "reason", self.troubles)
        yield GaugeMetricFamily("slipway_cache_bytes", "Of the cache in memory.", value=self.cache_bytes)
        yield GaugeMetricFamily("slipway_cache_entries", "Of the cache in memory.", value=self.cache_entries)
        yield _counted("slipway_fallback_failures", "Fallbacks that had no answer.", "step", self.steps_failed)
        yield CounterMetricFamily(
            "slipway_fallback_exhausted", "Items that neither model nor fallback answered.", value=self.unanswered
        )
        states = GaugeMetricFamily("slipway_breaker_state", "0 closed, 1 open, 2 half-open.", labels=["breaker"])
        for guarded, state in self.states.items():
            states.add_metric([guarded.value], state.value)
        yield states
        transitions = CounterMetricFamily("slipway_breaker_transitions", "Into a state.", labels=["breaker", "to"])
        for (guarded, state), count in self.transitions.items():
            transitions.add_metric([guarded.value, state.name.lower()], count)
        yield transitions
        yield CounterMetricFamily("slipway_review_queued", "Items taken for review.", value=self.queued)
        yield CounterMetricFamily("slipway_review_sent", "Items that the queue has.", value=self.sent)
        yield CounterMetricFamily("slipway_review_retried", "Items that were sent in vain.", value=self.retried)
        yield _counted("slipway_review_lost", "Items that are in the log instead.", "reason", self.lost)
        yield GaugeMetricFamily("slipway_review_spooled", "Items that wait for the queue.", value=self.spooled)


def _counted(name: str, documentation: str, label: str, counts: Mapping[_Label, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, documentation, labels=[label])
    for value, count in counts.items():
        family.add_metric([value.value], count)
    return family
