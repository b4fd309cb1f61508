"""Models with everything that may be around them, and a clock that is moved by hand."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from slipway_kit.around.around import Answered, Around, around
from slipway_kit.around.contract import check
from slipway_kit.around.metrics import AroundMetrics
from slipway_kit.around.settings import AroundSettings
from slipway_kit.batcher import ModelFailedError
from slipway_kit.model import Contract
from slipway_kit.planning.entry import Priority
from slipway_kit.requests import Request


class Text(msgspec.Struct):
    text: str
    notes: dict[str, int] = {}


class Length(msgspec.Struct):
    length: int
    by: str = "model"


class Lengths:
    """Is as sure as the text is short: one hundredth less for each letter."""

    version = "7"

    def predict_batch(self, items: list[Text]) -> list[Length]:
        return [Length(len(item.text)) for item in items]

    def predict_fallback(self, items: list[Text]) -> list[Length]:
        return [Length(len(item.text), "smaller") for item in items]

    def default(self, item: Text) -> Length:  # noqa: ARG002
        return Length(0, "default")

    def confidence(self, output: Length) -> float:
        return 1 - output.length / 100


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    """Something around a model that a test makes fail, wait and count."""

    settings: AroundSettings
    model: Any = field(default_factory=Lengths)
    clock: Clock = field(default_factory=Clock)
    metrics: AroundMetrics = field(default_factory=AroundMetrics)
    computed: list[str] = field(default_factory=list)
    error: BaseException | None = None
    """What the model raises."""
    gate: asyncio.Event | None = None
    """What the model waits for."""

    def __post_init__(self) -> None:
        contract = Contract.of(type(self.model))
        check(type(self.model), contract, self.settings)
        made = around(self.model, contract, self.model.version, self.settings, self.metrics, clock=self.clock)
        assert made is not None
        self.around: Around = made

    async def ask(
        self,
        text: str,
        *,
        seconds: float = 20.0,
        id: str = "r",  # noqa: A002
        priority: Priority = Priority.NORMAL,
        compute: Callable[[], Awaitable[Any]] | None = None,
    ) -> Answered:
        item = Text(text)
        deadline = time.monotonic() + seconds
        request = Request(id=id, priority=priority, deadline=deadline, headers=())
        return await self.around.answer(item, compute or (lambda: self._compute(item)), deadline, request)

    async def _compute(self, item: Text) -> Length:
        self.computed.append(item.text)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise ModelFailedError(self.error)
        return Length(len(item.text))

    def series(self) -> dict[str, float]:
        return scraped(self.metrics)


def bench(**settings: Any) -> Bench:
    return Bench(AroundSettings(**settings))


class _Chained(Collector):
    def __init__(self, metrics: AroundMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics.collect()


def scraped(metrics: AroundMetrics) -> dict[str, float]:
    """What Prometheus would read."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Chained(metrics))
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def run(scenario: Coroutine[Any, Any, None], seconds: float = 30) -> None:
    asyncio.run(asyncio.wait_for(scenario, seconds))


async def turns(count: int = 5) -> None:
    """Let everything happen that does not wait for something outside."""
    for _ in range(count):
        await asyncio.sleep(0)


def lost(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The messages for review that are in the log."""
    return [
        record.fields["review"]  # type: ignore[attr-defined]
        for record in log.records
        if record.levelno == logging.ERROR and "review" in getattr(record, "fields", {})
    ]
