"""What an operator may set, read from the environment once, at start: all faults are told at once."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

PREFIX = "SLIPWAY_"
_ALIKE = 0.9
"""From this likeness on, an unknown variable is taken for a misspelt one; other tools have variables of this prefix."""


class SettingsError(Exception):
    """The environment says what cannot be; `faults` has a line for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class _Accepts:
    """How a variable is read, and how that is said to a person."""

    read: Callable[[str], Any]
    says: str


def _integer(least: int, most: int, unit: str) -> _Accepts:
    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError
        return number

    return _Accepts(read, f"a whole number of {unit} from {least} to {most}")


def _number(least: float, most: float, unit: str) -> _Accepts:
    def read(text: str) -> float:
        number = float(text)
        if not (math.isfinite(number) and least <= number <= most):
            raise ValueError
        return number

    return _Accepts(read, f"a number {unit} from {least:g} to {most:g}")


def _one_of(*choices: str) -> _Accepts:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return _Accepts(read, " or ".join((", ".join(choices[:-1]), choices[-1])))


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text


def _set(default: Any, accepts: _Accepts) -> Any:
    return field(default=default, metadata={"accepts": accepts})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One process that serves one model. A field's variable is its name in capitals behind `SLIPWAY_`."""

    host: str = _set("0.0.0.0", _Accepts(_text, "an address to listen at"))  # noqa: S104  # a container's command
    port: int = _set(3000, _integer(0, 65535, "the port, 0 for any free one,"))
    objective_ms: float = _set(100.0, _number(1, 3_600_000, "of milliseconds"))
    """Within which a request is to be answered, counted from its arrival."""
    margin: float = _set(0.05, _number(0, 0.5, "(a share of the objective)"))
    """Of the objective, kept for what is not planned: writing the answer, and an event loop that is late."""
    quantile: float = _set(0.95, _number(0.5, 0.999, "(a quantile)"))
    """Of the model's times, that batches are planned with."""
    max_batch: int = _set(64, _integer(1, 65536, "units"))
    """Most units in a batch; an item is one unit, unless the model has `size`."""
    concurrency: int = _set(1, _integer(1, 64, "batches"))
    """Batches that the model computes at the same time."""
    execution: str = _set("auto", _one_of("auto", "thread", "inline"))
    """Where the model computes: in threads, or in the event loop; `auto` takes the loop for what takes under 2 ms,
    and threads once a batch was ten times as slow."""
    queue_items: int = _set(1024, _integer(1, 1_000_000, "items"))
    queue_bytes: int = _set(64 << 20, _integer(1, 1 << 40, "bytes"))
    """Of request bodies whose items wait, or are still being received."""
    max_body_bytes: int = _set(1 << 20, _integer(1, 1 << 34, "bytes"))
    max_header_bytes: int = _set(32 << 10, _integer(256, 1 << 20, "bytes"))
    receive_seconds: float = _set(10.0, _number(0.1, 600, "of seconds"))
    """For a request to arrive, from its first byte to its last."""
    keep_alive_seconds: int = _set(75, _integer(1, 3600, "seconds"))
    """Longer than the 60 s after which load balancers close, so that it is never the server that closes first."""
    drain_delay_seconds: float = _set(2.0, _number(0, 300, "of seconds"))
    """From SIGTERM to when no connection is accepted any more: until then routers learn that this replica goes."""
    drain_seconds: float = _set(25.0, _number(0, 3600, "of seconds"))
    """From SIGTERM to the end at the latest; below a pod's grace period, 30 s by default."""
    log_sample: float = _set(0.01, _number(0, 1, "(a share)"))
    """Of the answered and refused requests, the share that is logged; failures always are."""
    trace_sample: float = _set(0.01, _number(0, 1, "(a share)"))
    """Of the requests without a `traceparent`, the share that is traced; with one, its flag decides. Nothing is traced
    unless OpenTelemetry's own OTEL_EXPORTER_OTLP_ENDPOINT says where to."""

    @property
    def objective(self) -> float:
        """Seconds within which a request is to be answered."""
        return self.objective_ms / 1000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
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
                    faults.append(f"{name} is {environment[name]!r}, and must be {accepts.says}")
        settings = cls(**values)
        faults += settings.contradictions()
        if faults:
            raise SettingsError(faults)
        return settings

    def contradictions(self) -> list[str]:
        """What no two of these values can mean together."""
        found = []
        if self.queue_items < self.max_batch:
            found.append(
                f"SLIPWAY_QUEUE_ITEMS is {self.queue_items}, and must be at least SLIPWAY_MAX_BATCH "
                f"({self.max_batch}): a full batch has to fit the queue"
            )
        if self.queue_bytes < self.max_body_bytes:
            found.append(
                f"SLIPWAY_QUEUE_BYTES is {self.queue_bytes}, and must be at least SLIPWAY_MAX_BODY_BYTES "
                f"({self.max_body_bytes}): the largest request has to fit the queue"
            )
        if self.drain_delay_seconds > self.drain_seconds:
            found.append(
                f"SLIPWAY_DRAIN_DELAY_SECONDS is {self.drain_delay_seconds:g}, and must be at most "
                f"SLIPWAY_DRAIN_SECONDS ({self.drain_seconds:g}), which it is a part of"
            )
        return found


def _alike(name: str, known: Mapping[str, Field[Any]]) -> list[str]:
    return difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
