"""Exact answers in memory, and equal items that are computed once."""

import asyncio
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slipway_kit.around.memory import MemoryCache, Stored
from slipway_kit.around.metrics import AroundMetrics, Lookup, Source
from slipway_kit.batcher import ModelFailedError
from slipway_kit.model import ItemError
from slipway_kit.planning.entry import Priority, Reason, RefusedError

from tests.bentos.kit.around.builders import Bench, Clock, Length, Text, bench, run, turns


def test_an_equal_item_is_answered_from_memory() -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)
        first, second = await it.ask("abc"), await it.ask("abc")
        assert (first.output, second.output) == (Length(3), Length(3))
        assert first.encoded == second.encoded == b'{"length":3,"by":"model"}'
        assert (first.source, second.source) == (Source.MODEL, Source.CACHE)
        assert it.computed == ["abc"]
        assert it.series()['slipway_cache_lookups_total{result="memory"}'] == 1
        assert it.series()['slipway_answers_total{source="cache"}'] == 1

    run(scenario())


def test_the_key_is_what_an_item_says_not_how_and_names_model_and_version() -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)
        cache = it.around._cache
        assert cache is not None
        assert cache.key(Text("a", {"x": 1, "y": 2})) == cache.key(Text("a", {"y": 2, "x": 1}))
        assert cache.key(Text("a", {"x": 1})) != cache.key(Text("a", {"x": 2}))
        it.model.version = "8"
        other = Bench(it.settings, model=it.model).around._cache
        assert other is not None
        assert other.key(Text("a")) != cache.key(Text("a"))

    run(scenario())


def test_an_answer_expires() -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000, cache_seconds=60)
        await it.ask("abc")
        it.clock.now += 59
        assert (await it.ask("abc")).source is Source.CACHE
        it.clock.now += 1
        assert (await it.ask("abc")).source is Source.MODEL

    run(scenario())


def test_an_item_error_and_a_failure_are_not_kept() -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)

        async def refuse() -> ItemError:
            return ItemError("no")

        assert isinstance((await it.ask("abc", compute=refuse)).output, ItemError)
        it.error = ValueError("broken")
        with pytest.raises(ModelFailedError, match="broken"):
            await it.ask("abc")
        it.error = None
        assert (await it.ask("abc")).source is Source.MODEL

    run(scenario())


def test_the_least_recently_used_goes_first_and_the_bytes_are_kept_to() -> None:
    cache = MemoryCache(1000, 60, AroundMetrics(), Clock())
    for name in (b"a", b"b", b"c"):
        cache.put(name, Stored(b"x" * 30))
    assert cache.fresh(b"a") is not None
    cache.put(b"d", Stored(b"x" * 30))
    assert [name for name in (b"a", b"b", b"c", b"d") if cache.any(name)] == [b"a", b"c", b"d"]
    cache.put(b"e", Stored(b"x" * 2000))
    assert cache.any(b"e") is None
    assert cache.any(b"d") is not None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 900)), max_size=60))
def test_what_is_counted_is_what_is_kept(puts: list[tuple[int, int]]) -> None:
    metrics = AroundMetrics()
    cache = MemoryCache(2000, 60, metrics, Clock())
    for name, size in puts:
        cache.put(bytes([name]), Stored(b"x" * size))
        kept = [stored for number in range(10) if (stored := cache.any(bytes([number]))) is not None]
        assert metrics.cache_bytes == sum(len(stored.encoded) + 300 for stored in kept) <= 2000
        assert metrics.cache_entries == len(kept)


def test_equal_items_at_the_same_time_are_computed_once() -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)
        it.gate = asyncio.Event()
        asked = [asyncio.create_task(it.ask("abc")) for _ in range(20)]
        await turns()
        assert it.computed == ["abc"]
        it.gate.set()
        assert {answered.output.length for answered in await asyncio.gather(*asked)} == {3}
        assert it.computed == ["abc"]
        assert it.metrics.lookups == {Lookup.MEMORY: 0, Lookup.SHARED: 0, Lookup.JOINED: 19, Lookup.MISS: 1}

    run(scenario())


def test_when_the_client_of_the_first_goes_the_next_one_leads() -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)
        it.gate = asyncio.Event()
        asked = [asyncio.create_task(it.ask("abc")) for _ in range(3)]
        await turns()
        asked[0].cancel()
        await turns()
        assert it.computed == ["abc", "abc"], "one of the two that are left, not both"
        it.gate.set()
        told = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(told[0], asyncio.CancelledError)
        assert [getattr(each, "output", each) for each in told[1:]] == [Length(3), Length(3)]

    run(scenario())


def test_a_follower_that_goes_takes_nobody_with_it() -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)
        it.gate = asyncio.Event()
        asked = [asyncio.create_task(it.ask("abc")) for _ in range(3)]
        await turns()
        asked[1].cancel()
        await turns()
        it.gate.set()
        assert (await asked[0]).output == (await asked[2]).output == Length(3)

    run(scenario())


@pytest.mark.parametrize("error", [RefusedError(Reason.DISPLACED), ModelFailedError(ValueError("a mate's fault"))])
def test_when_the_first_is_refused_or_fails_the_next_one_leads(error: Exception) -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)
        it.gate = asyncio.Event()

        async def fail() -> None:
            await asyncio.sleep(0)
            raise error

        first = asyncio.create_task(it.ask("abc", compute=fail))
        await asyncio.sleep(0)
        others = [asyncio.create_task(it.ask("abc")) for _ in range(3)]
        it.gate.set()
        with pytest.raises(type(error)):
            await first
        assert [(await other).output for other in others] == [Length(3)] * 3
        assert it.computed == ["abc"]

    run(scenario())


def test_a_follower_is_refused_when_its_own_deadline_passes() -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)
        it.gate = asyncio.Event()
        patient = asyncio.create_task(it.ask("abc"))
        await turns()
        with pytest.raises(RefusedError) as refused:
            await it.ask("abc", seconds=0.01)
        assert refused.value.reason is Reason.DEADLINE_PASSED
        it.gate.set()
        assert (await patient).output == Length(3)

    run(scenario())


def test_an_urgent_item_does_not_wait_for_an_equal_one_of_low_priority() -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)
        it.gate = asyncio.Event()
        asked = [asyncio.create_task(it.ask("abc", priority=priority)) for priority in (Priority.LOW, Priority.HIGH)]
        await turns()
        assert it.computed == ["abc", "abc"]
        it.gate.set()
        await asyncio.gather(*asked)

    run(scenario())


def test_nothing_is_left_behind_when_nobody_waits(recwarn: pytest.WarningsRecorder) -> None:
    async def scenario() -> None:
        it = bench(cache_bytes=10_000)
        it.error = ValueError("broken")
        for _ in range(3):
            with pytest.raises(ModelFailedError):
                await it.ask("abc")
        assert it.around._cache is not None
        assert not it.around._cache._flights._flights

    run(scenario())
    gc.collect()
    assert not recwarn.list
