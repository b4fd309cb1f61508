"""What an operator may set of the cache, the breaker with its fallbacks, and the review queue."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from slipway_kit.settings import PREFIX, SettingsError, _Accepts, _alike, _integer, _number, _set


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
class AroundSettings:
    """A field's variable is its name in capitals behind `SLIPWAY_`."""

    cache_bytes: int = _set(0, _integer(0, 1 << 40, "bytes"))
    """Of answers that this process keeps; 0 keeps none."""
    cache_seconds: float = _set(300.0, _number(0.001, 31_536_000, "of seconds"))
    """For which an answer is as good as a new one."""
    cache_url: str = _set(
        "",
        _Accepts(
            _starting("redis://", "rediss://", "unix://"), "a URL that starts with redis://, rediss:// or unix://"
        ),
    )
    """Of the Redis that replicas share answers by; none by default. It may hold a password, so no fault repeats it."""
    cache_timeout_ms: float = _set(20.0, _number(1, 10_000, "of milliseconds"))
    """For which an answer waits for Redis at most."""
    fallback: tuple[Step, ...] = _set(
        (), _Accepts(_steps, f"some of {', '.join(Step)}, each once, with commas between")
    )
    """What answers when the model fails, in this order; with none there is no breaker either."""
    breaker_failures: float = _set(0.5, _number(0.01, 1, "(a share)"))
    """Of the last calls, how many have to fail for the model not to be asked any more."""
    breaker_seconds: float = _set(10.0, _number(0.1, 3600, "of seconds"))
    """From when the model is not asked any more to when one item tries it again."""
    review_below: float | None = _set(None, _number(0, 1, "(a confidence)"))
    """Below this confidence, an item and its answer are sent to people."""
    review_queue_url: str = _set(
        "", _Accepts(_starting("http://", "https://", ending=".fifo"), "the URL of a standard queue (no .fifo) of SQS")
    )
    """Where they are sent; the endpoint is botocore's own AWS_ENDPOINT_URL_SQS or AWS_ENDPOINT_URL, if one is set."""
    review_spool_items: int = _set(1000, _integer(1, 1_000_000, "items"))
    """Items that wait in memory for the queue to take them; what comes on top is logged instead."""

    @property
    def has_cache(self) -> bool:
        """Whether answers are kept, here or in Redis."""
        return bool(self.cache_bytes or self.cache_url)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> AroundSettings:
        """Read every variable.

        Raises:
            SettingsError: With a line for each that says what it may not, or that looks misspelt.
        """
        known = {PREFIX + each.name.upper(): each for each in fields(cls)}
        faults = [
            f"{name} is none of the kit's variables; did you mean {close[0]}?"
            for name in sorted(environment)
            if name.startswith(PREFIX) and name not in known and (close := _alike(name, known))
        ]
        values: dict[str, Any] = {}
        for name, each in known.items():
            if name in environment:
                accepts = each.metadata["accepts"]
                try:
                    values[each.name] = accepts.read(environment[name])
                except ValueError:
                    said = "is something else" if each.name == "cache_url" else f"is {environment[name]!r}"
                    faults.append(f"{name} {said}, and must be {accepts.says}")
        settings = cls(**values)
        faults += settings.contradictions()
        if faults:
            raise SettingsError(faults)
        return settings

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
