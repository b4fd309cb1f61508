"""A model that raises: answers keep coming from the chain, and the breaker keeps the model out of it."""

import asyncio
import logging
import threading
import time
from typing import Any

import pytest
from slipway_kit.around.around import BreakerOpenError
from slipway_kit.around.metrics import Guarded, Source
from slipway_kit.around.settings import AroundSettings, Step
from slipway_kit.batcher import ModelFailedError
from slipway_kit.planning.entry import Reason, RefusedError
from slipway_kit.requests import each

from tests.bentos.kit.around.builders import Bench, Length, Lengths, Text, bench, run

ALL = (Step.SMALLER, Step.CACHED, Step.DEFAULT)


async def failing(it: Bench, text: str, count: int) -> list[Source]:
    """Whose answers come while each batch raises something of its own."""
    sources = []
    for number in range(count):
        it.error = ValueError(f"broken {number}")
        sources.append((await it.ask(text)).source)
    return sources


def test_while_the_model_works_no_fallback_is_asked() -> None:
    async def scenario() -> None:
        it = bench(fallback=ALL, cache_bytes=10_000)
        assert (await it.ask("abc")).output == Length(3, "model")
        assert it.series()['slipway_answers_total{source="model"}'] == 1

    run(scenario())


def test_the_smaller_model_answers_for_one_that_raises_and_the_failure_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        it = bench(fallback=ALL, cache_bytes=10_000)
        it.error = ValueError("out of memory")
        answered = await it.ask("abc")
        assert (answered.output, answered.source) == (Length(3, "smaller"), Source.SMALLER)
        it.error = None
        assert (await it.ask("abc")).source is Source.MODEL, "an answer of a fallback is not kept"

    with caplog.at_level(logging.ERROR):
        run(scenario())
    assert [record.exc_info[1].args for record in caplog.records if record.exc_info and record.exc_info[1]] == [
        ("out of memory",)
    ]


def test_the_breaker_opens_probes_and_closes_and_answers_come_all_the_while() -> None:
    async def scenario() -> None:
        it = bench(fallback=(Step.DEFAULT,), breaker_seconds=10)
        assert await failing(it, "abc", 50) == [Source.DEFAULT] * 50
        assert len(it.computed) == 10, "then the model was left alone"
        assert it.series()['slipway_breaker_state{breaker="model"}'] == 1
        it.clock.now += 10
        assert await failing(it, "abc", 50) == [Source.DEFAULT] * 50
        assert len(it.computed) == 11, "one probe, which failed"
        it.clock.now += 10
        it.error = None
        assert (await it.ask("abc")).source is Source.MODEL
        assert (await it.ask("abc")).source is Source.MODEL
        series = it.series()
        assert series['slipway_breaker_state{breaker="model"}'] == 0
        transitions = {
            state: series[f'slipway_breaker_transitions_total{{breaker="model",to="{state}"}}']
            for state in ("open", "half_open", "closed")
        }
        assert transitions == {"open": 2, "half_open": 2, "closed": 1}

    run(scenario())


def test_refusals_pass_and_open_no_breaker() -> None:
    async def scenario() -> None:
        it = bench(fallback=(Step.DEFAULT,))

        async def refuse() -> None:
            raise RefusedError(Reason.QUEUE_FULL)

        for _ in range(50):
            with pytest.raises(RefusedError, match="queue_full"):
                await it.ask("abc", compute=refuse)
        assert it.series()['slipway_breaker_state{breaker="model"}'] == 0
        assert (await it.ask("abc")).source is Source.MODEL

    run(scenario())


def test_an_old_answer_is_better_than_none() -> None:
    async def scenario() -> None:
        it = bench(fallback=(Step.CACHED,), cache_bytes=10_000, cache_seconds=60)
        await it.ask("abc")
        it.clock.now += 3600
        it.error = ValueError("broken")
        answered = await it.ask("abc")
        assert (answered.output, answered.source) == (Length(3), Source.CACHED)
        with pytest.raises(ModelFailedError, match="broken"):
            await it.ask("never seen")
        assert it.series()['slipway_fallback_failures_total{step="cached"}'] == 1
        assert it.series()["slipway_fallback_exhausted_total"] == 1

    run(scenario())


def test_with_no_answer_left_an_open_breaker_says_when_to_try_again() -> None:
    async def scenario() -> None:
        it = bench(fallback=(Step.CACHED,), cache_bytes=10_000, breaker_seconds=10)
        for number in range(10):
            it.error = ValueError(f"broken {number}")
            with pytest.raises(ModelFailedError):
                await it.ask("abc")
        it.clock.now += 4
        with pytest.raises(BreakerOpenError) as left:
            await it.ask("abc")
        assert left.value.retry_after == pytest.approx(6)

    run(scenario())


class Fragile(Lengths):
    """Its fallbacks fail too, as a test says."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.smaller_fails = False
        self.ids: list[str] = []

    def predict_fallback(self, items: list[Text]) -> list[Length]:
        self.hold.wait(20)
        self.batches.append([item.text for item in items])
        if self.smaller_fails:
            raise RuntimeError("smaller is broken too")
        assert threading.current_thread() is not threading.main_thread()
        return [Length(len(item.text), "smaller") for item in each(items)]


def fragile(*steps: Step, **more: Any) -> tuple[Bench, Fragile]:
    model = Fragile()
    it = Bench(AroundSettings(fallback=steps, **more), model=model)
    it.error = ValueError("broken")
    return it, model


def test_a_fallback_that_fails_is_logged_and_the_next_one_answers(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        it, model = fragile(*ALL, cache_bytes=10_000)
        model.smaller_fails = True
        assert (await it.ask("abc")).output == Length(0, "default")
        assert it.series()['slipway_fallback_failures_total{step="smaller"}'] == 1
        assert it.series()['slipway_fallback_failures_total{step="cached"}'] == 1

    run(scenario())
    assert "smaller is broken too" in caplog.text


def test_a_smaller_model_that_hangs_leaves_time_for_what_is_behind_it() -> None:
    async def scenario() -> None:
        it, model = fragile(Step.SMALLER, Step.DEFAULT)
        model.hold.clear()
        deadline = time.monotonic() + 1
        answered = await it.ask("abc", seconds=1)
        assert time.monotonic() < deadline
        assert answered.source is Source.DEFAULT
        model.hold.set()

    run(scenario())


def test_items_that_come_while_the_smaller_model_computes_are_its_next_batch_and_those_that_went_are_not() -> None:
    async def scenario() -> None:
        it, model = fragile(Step.SMALLER)
        model.hold.clear()
        asked = [asyncio.create_task(it.ask(text)) for text in "abcdef"]
        await asyncio.sleep(0.05)
        asked[2].cancel()
        await asyncio.sleep(0)
        model.hold.set()
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert [isinstance(each, BaseException) for each in told] == [False, False, True, False, False, False]
        assert model.batches == [["a"], ["b", "d", "e", "f"]]

    run(scenario())


def test_outputs_that_break_the_contract_are_no_answer() -> None:
    class Wrong(Lengths):
        def predict_fallback(self, items: list[Text]) -> list[Length]:
            return [Length(1)] * (len(items) + 1)

        def default(self, item: Text) -> Length:
            return item  # type: ignore[return-value]

    async def scenario() -> None:
        it = Bench(AroundSettings(fallback=(Step.SMALLER, Step.DEFAULT)), model=Wrong())
        it.error = ValueError("broken")
        with pytest.raises(ModelFailedError):
            await it.ask("abc")
        assert it.series()['slipway_fallback_failures_total{step="default"}'] == 1

    run(scenario())


def test_a_client_that_goes_while_it_probes_leaves_the_probe_to_the_next() -> None:
    async def scenario() -> None:
        it = bench(fallback=(Step.DEFAULT,), breaker_seconds=10)
        await failing(it, "abc", 10)
        it.clock.now += 10
        it.error, it.gate = None, asyncio.Event()
        probe = asyncio.create_task(it.ask("abc"))
        await asyncio.sleep(0)
        assert (await it.ask("abc")).source is Source.DEFAULT, "one probe at a time"
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        it.gate = None
        assert (await it.ask("abc")).source is Source.MODEL
        assert it.metrics.states[Guarded.MODEL] == 0

    run(scenario())
