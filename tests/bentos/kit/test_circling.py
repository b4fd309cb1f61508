"""What a client sees of the cache, the breaker with its fallbacks, and the review queue."""

import asyncio
import threading

import pytest
from slipway_kit.application import Application
from slipway_kit.around.settings import AroundSettings, Step
from slipway_kit.model import ContractError

from tests.bentos.kit.asked import Said, ask, serving
from tests.bentos.kit.builders import Doubled, Doubling, Number
from tests.bentos.kit.test_api import samples


class Fragile(Doubling):
    """Fails while it is told to, and has a smaller model beside it that knows no better than zero."""

    is_broken = False
    computed: list[float] = []  # noqa: RUF012  # of each test

    def predict_batch(self, items: list[Number]) -> list[Doubled]:
        if type(self).is_broken:
            raise ZeroDivisionError(f"number {len(items)}")
        self.computed.extend(item.value for item in items)
        return super().predict_batch(items)

    def predict_fallback(self, items: list[Number]) -> list[Doubled]:
        return [Doubled(0) for _ in items]

    def default(self, _: Number) -> Doubled:
        return Doubled(-1)


def gated() -> tuple[threading.Event, type[Fragile]]:
    """A model that computes nothing before it is let."""
    gate = threading.Event()

    class Slow(Fragile):
        example = None  # type: ignore[assignment]  # a profile would have to pass the gate

        def predict_batch(self, items: list[Number]) -> list[Doubled]:
            gate.wait(10)
            return super().predict_batch(items)

    return gate, Slow


@pytest.fixture(autouse=True)
def _mended() -> None:
    Fragile.is_broken = False
    Fragile.computed = []


async def predict(application: Application, value: float, **headers: str) -> Said:
    return await ask(application, "/predict", b'{"value": %g}' % value, **headers)


def test_while_the_model_fails_the_smaller_one_answers_and_says_so() -> None:
    async def scenario(application: Application) -> None:
        assert (await predict(application, 2)).json == {"value": 4}
        Fragile.is_broken = True
        for _ in range(30):
            said = await predict(application, 2)
            assert (said.status, said.json, said.headers["x-slipway-source"]) == (200, {"value": 0}, "smaller")
        several = await ask(application, "/predict/batch", b'[{"value": 1}, {"value": 2}]')
        assert several.json == {"results": [{"output": {"value": 0}, "source": "smaller"}] * 2}
        said = await ask(application, "/metrics")
        counted = samples(said.body.decode())
        assert counted['slipway_answers_total{source="smaller"}'] == 32
        assert counted['slipway_breaker_state{breaker="model"}'] == 1  # open: it is not asked any more
        Fragile.is_broken = False
        await asyncio.sleep(0.15)
        back = await predict(application, 3)
        assert (back.json, back.headers.get("x-slipway-source")) == ({"value": 6}, None)

    around = AroundSettings(fallback=(Step.SMALLER,), breaker_seconds=0.1)
    serving(Fragile, scenario, around=around)


def test_an_answer_that_is_known_is_not_computed_again_and_equal_ones_are_computed_once() -> None:
    async def scenario(application: Application) -> None:
        Fragile.computed.clear()  # of the warm-up
        both = await asyncio.gather(predict(application, 5), predict(application, 5))
        assert [said.json for said in both] == [{"value": 10}] * 2
        again = await predict(application, 5)
        assert (again.json, again.headers["x-slipway-source"]) == ({"value": 10}, "cache")
        mixed = await ask(application, "/predict/batch", b'[{"value": 5}, {"value": 6}]')
        assert mixed.json["results"] == [{"output": {"value": 10}, "source": "cache"}, {"output": {"value": 12}}]
        assert Fragile.computed == [5, 6]

    serving(Fragile, scenario, around=AroundSettings(cache_bytes=1 << 20))


def test_an_old_answer_and_then_the_default_stand_in() -> None:
    async def scenario(application: Application) -> None:
        assert (await predict(application, 5)).status == 200
        await asyncio.sleep(0.02)
        Fragile.is_broken = True
        old, none = await predict(application, 5), await predict(application, 7)
        assert (old.json, old.headers["x-slipway-source"]) == ({"value": 10}, "cached")
        assert (none.json, none.headers["x-slipway-source"]) == ({"value": -1}, "default")

    around = AroundSettings(cache_bytes=1 << 20, cache_seconds=0.01, fallback=(Step.CACHED, Step.DEFAULT))
    serving(Fragile, scenario, around=around)


def test_a_model_that_keeps_failing_and_has_no_fallback_left_is_a_503_that_says_when() -> None:
    class Bare(Fragile):
        def default(self, _: Number) -> Doubled:
            raise LookupError("none")

    async def scenario(application: Application) -> None:
        Bare.is_broken = True
        seen = [await predict(application, number) for number in range(30)]
        assert (seen[0].status, seen[0].reason) == (500, "model_failed")
        assert (seen[-1].status, seen[-1].reason, seen[-1].headers["retry-after"]) == (503, "model_failing", "10")

    serving(Bare, scenario, around=AroundSettings(fallback=(Step.DEFAULT,)))


def test_overload_asks_no_fallback() -> None:
    gate, model = gated()

    async def scenario(application: Application) -> None:
        first = asyncio.create_task(predict(application, 1))
        await asyncio.sleep(0.01)
        second = await predict(application, 2, x_slipway_deadline_ms="20")
        assert (second.status, second.headers.get("x-slipway-source")) == (429, None)
        gate.set()
        await first

    serving(model, scenario, around=AroundSettings(fallback=(Step.SMALLER,)), max_batch=1, execution="thread")


def test_the_client_that_goes_takes_only_its_own_request_with_it() -> None:
    gate, model = gated()

    async def scenario(application: Application) -> None:
        goes = asyncio.create_task(predict(application, 1))
        await asyncio.sleep(0.01)
        stays = asyncio.create_task(predict(application, 1))
        await asyncio.sleep(0.01)
        goes.cancel()
        await asyncio.sleep(0.01)
        gate.set()
        assert (await stays).json == {"value": 2}

    serving(model, scenario, around=AroundSettings(cache_bytes=1 << 20), objective_ms=10_000, execution="thread")


def test_what_the_settings_ask_of_the_class_is_told_at_start() -> None:
    with pytest.raises(ContractError, match="Doubling has no predict_fallback"):
        serving(Doubling, lambda _: asyncio.sleep(0), around=AroundSettings(fallback=(Step.SMALLER,)))
