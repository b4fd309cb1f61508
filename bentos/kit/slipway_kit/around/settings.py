"""What an operator may set of the cache, the breaker with its fallbacks, and the review queue."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from slipway_kit.variables import Accepts, Variables, integer, number, variable


class Step(enum.StrEnum):
    """What may answer in the model's place."""

    SMALLER = "smaller"
    """The author's `predict_fallback`."""
    CACHED = "cached"
    """An earlier answer to the same item, however old."""
    DEFAULT = "default"
    """The author's `default`."""


def _steps(text: str) -> tuple[Step, ...]:
    steps = tuple(Step(word.strip()) for word in text.split(","))
    if len(set(steps)) != len(steps):
        raise ValueError
    return steps


def _starting(*starts: str, ending: str = "") -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.startswith(starts) or (ending and text.endswith(ending)):
            raise ValueError
        return text

    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class AroundSettings(Variables):
    """What stands around the batcher of one process."""

    cache_bytes: int = variable(0, integer(0, 1 << 40, "bytes"))
    """Of answers that this process keeps; 0 keeps none."""
    cache_seconds: float = variable(300.0, number(0.001, 31_536_000, "of seconds"))
    """For which an answer is as good as a new one."""
    cache_url: str = variable(
        "",
        Accepts(_starting("redis://", "rediss://", "unix://"), "a URL that starts with redis://, rediss:// or unix://"),
        is_secret=True,
    )
    """Of the Redis that replicas share answers by; none by default. It may hold a password."""
    cache_timeout_ms: float = variable(20.0, number(1, 10_000, "of milliseconds"))
    """For which an answer waits for Redis at most."""
    fallback: tuple[Step, ...] = variable(
        (), Accepts(_steps, f"some of {', '.join(Step)}, each once, with commas between")
    )
    """What answers when the model fails, in this order; with none there is no breaker either."""
    breaker_failures: float = variable(0.5, number(0.01, 1, "(a share)"))
    """Of the last calls, how many have to fail for the model not to be asked any more."""
    breaker_seconds: float = variable(10.0, number(0.1, 3600, "of seconds"))
    """From when the model is not asked any more to when one item tries it again."""
    review_below: float | None = variable(None, number(0, 1, "(a confidence)"))
    """Below this confidence, an item and its answer are sent to people."""
    review_queue_url: str = variable(
        "", Accepts(_starting("http://", "https://", ending=".fifo"), "the URL of a standard queue (no .fifo) of SQS")
    )
    """Where they are sent; the endpoint is botocore's own AWS_ENDPOINT_URL_SQS or AWS_ENDPOINT_URL, if one is set."""
    review_spool_items: int = variable(1000, integer(1, 1_000_000, "items"))
    """Items that wait in memory for the queue to take them; what comes on top is logged instead."""

    @property
    def has_cache(self) -> bool:
        """Whether answers are kept, here or in Redis."""
        return bool(self.cache_bytes or self.cache_url)

    def contradictions(self) -> list[str]:
        """What no two of these values can mean together."""
        found = []
        if Step.CACHED in self.fallback and not self.cache_bytes:
            found.append(
                "SLIPWAY_FALLBACK names `cached`, and SLIPWAY_CACHE_BYTES is 0: old answers are kept in memory; "
                "set it, or leave `cached` out"
            )
        if self.review_below is not None and not self.review_queue_url:
            found.append("SLIPWAY_REVIEW_BELOW is set, and SLIPWAY_REVIEW_QUEUE_URL is not: say where items are sent")
        if self.review_queue_url and self.review_below is None:
            found.append(
                "SLIPWAY_REVIEW_QUEUE_URL is set, and SLIPWAY_REVIEW_BELOW is not: say below which confidence, from 0 "
                "to 1, items are sent"
            )
        return found
