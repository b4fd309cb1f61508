"""A Redis that is really there, and is killed: replicas share answers, and nobody notices when it goes."""

import asyncio
import logging
import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from slipway_kit.around.metrics import Guarded, Lookup, Source, Trouble
from slipway_kit.planning.entry import RefusedError

from tests.bentos.kit.around.builders import Bench, Length, bench, run
from tests.bentos.kit.around.redis_server import RedisServer
from tests.ports import free_port

LIMIT_MS = 300.0
"""Longer than the default, as the machine that runs tests does other things too."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


@pytest.fixture
def redis(server: RedisServer) -> Iterator[RedisServer]:
    if server.said("PING") != "+PONG":
        server.start()
    server.said("FLUSHALL")
    yield server
    if server.said("PING") != "+PONG":
        server.kill()


def replica(redis: RedisServer, **more: float) -> Bench:
    return bench(cache_url=redis.url, cache_timeout_ms=LIMIT_MS, **more)


async def kept(redis: RedisServer, count: int) -> None:
    """Wait until Redis has so many answers."""
    for _ in range(200):
        if await asyncio.to_thread(redis.said, "DBSIZE") == f":{count}":
            return
        await asyncio.sleep(0.02)
    raise AssertionError(redis.said("DBSIZE"))


def test_what_one_replica_computed_another_answers(redis: RedisServer) -> None:
    async def scenario() -> None:
        one, other = replica(redis), replica(redis, cache_bytes=10_000)
        await one.ask("abc")
        await kept(redis, 1)
        answered = await other.ask("abc")
        assert (answered.output, answered.source) == (Length(3), Source.CACHE)
        assert answered.encoded == b'{"length":3,"by":"model"}'
        await other.ask("abc")
        assert other.computed == []
        assert other.metrics.lookups == {Lookup.MEMORY: 1, Lookup.SHARED: 1, Lookup.JOINED: 0, Lookup.MISS: 0}
        await one.around.close(1)
        await other.around.close(1)

    run(scenario())


def test_keys_say_model_and_version_and_expire(redis: RedisServer) -> None:
    async def scenario() -> None:
        it = replica(redis, cache_seconds=60)
        await it.ask("abc")
        await kept(redis, 1)
        assert it.around._cache is not None
        assert it.around._cache._shared is not None
        client = it.around._cache._shared._redis
        [key] = await client.keys("*")
        assert isinstance(key, bytes)
        assert key.startswith(b"slipway:Lengths:7:")
        assert 0 < await client.pttl(key) <= 60_000
        assert (await client.get(key)) == b'1-{"length":3,"by":"model"}'
        await it.around.close(1)

    run(scenario())


def test_a_value_that_is_no_answer_is_counted_and_computed_anew(redis: RedisServer) -> None:
    async def scenario() -> None:
        it = replica(redis)
        await it.ask("abc")
        await kept(redis, 1)
        assert it.around._cache is not None
        assert it.around._cache._shared is not None
        client = it.around._cache._shared._redis
        [key] = await client.keys("*")
        for value in (b'2-{"length":3}', b'1-{"length":"three"}', b"1-{", b""):
            await client.set(key, value)
            assert (await it.ask("abc")).source is Source.MODEL
            await asyncio.sleep(0.05)
        assert it.metrics.troubles[Trouble.UNREADABLE] == 4
        await it.around.close(1)

    run(scenario())


def test_killed_in_the_midst_of_requests_every_one_is_answered_and_after_a_restart_it_is_used_again(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        it = replica(redis, breaker_seconds=5)
        answers: list[int] = []
        many = asyncio.Event()

        async def client(name: int) -> None:
            for number in range(100):
                answered = await it.ask("x" * ((name + number * 7) % 50))
                answers.append(answered.output.length - (name + number * 7) % 50)
                if len(answers) == 200:
                    many.set()
                await asyncio.sleep(0.001)

        clients = [asyncio.create_task(client(name)) for name in range(10)]
        await many.wait()
        assert it.metrics.lookups[Lookup.SHARED] > 0
        redis.kill()
        await asyncio.gather(*clients)
        assert answers == [0] * 1000, "each its own, and none missing"
        assert it.metrics.states[Guarded.REDIS] == 1
        assert it.metrics.troubles[Trouble.ERROR] + it.metrics.troubles[Trouble.TIMEOUT] >= 3
        assert it.metrics.troubles[Trouble.SKIPPED] > 0
        await asyncio.to_thread(redis.start)
        it.clock.now += 5
        await it.ask("new")
        await kept(redis, 1)
        assert (await it.ask("new")).source is Source.CACHE
        assert it.metrics.states[Guarded.REDIS] == 0
        await it.around.close(1)

    with caplog.at_level(logging.INFO):
        run(scenario())
    told = [record.message for record in caplog.records]
    assert told == ["Redis is left alone; answers come without it", "Redis answers again"], "once for each transition"


def test_a_redis_that_hangs_holds_up_only_the_first_and_no_longer_than_the_limit(redis: RedisServer) -> None:
    async def scenario() -> None:
        it = replica(redis)
        await it.ask("warm")
        redis.signal(signal.SIGSTOP)
        times = [time.monotonic()]
        for number in range(20):
            assert (await it.ask(f"{number}")).source is Source.MODEL
            times.append(time.monotonic())
        assert max(after - before for before, after in pairwise(times)) < LIMIT_MS / 1000 + 0.4
        assert it.metrics.troubles[Trouble.TIMEOUT] >= 3
        assert it.metrics.troubles[Trouble.SKIPPED] >= 15
        redis.signal(signal.SIGCONT)
        await it.around.close(1)

    try:
        run(scenario())
    finally:
        redis.signal(signal.SIGCONT)


def test_a_client_in_a_hurry_is_no_fault_of_redis(redis: RedisServer) -> None:
    async def scenario() -> None:
        it = bench(cache_url=redis.url, cache_timeout_ms=10_000)
        await it.ask("warm")
        redis.signal(signal.SIGSTOP)
        for number in range(10):
            assert (await it.ask(f"{number}", seconds=0.005)).source is Source.MODEL
        assert it.metrics.troubles[Trouble.TIMEOUT] == 10
        assert it.metrics.states[Guarded.REDIS] == 0
        redis.signal(signal.SIGCONT)
        await it.around.close(1)

    try:
        run(scenario())
    finally:
        redis.signal(signal.SIGCONT)


def test_without_a_redis_from_the_start_the_process_starts_and_answers() -> None:
    port = free_port()

    async def scenario() -> None:
        it = bench(cache_url=f"redis://127.0.0.1:{port}", cache_bytes=10_000)
        for _ in range(10):
            assert (await it.ask("abc")).output == Length(3)
        assert it.metrics.lookups[Lookup.MEMORY] == 9
        await it.around.close(1)

    run(scenario())


def test_a_follower_waits_no_longer_than_its_deadline_for_a_redis_that_hangs(redis: RedisServer) -> None:
    async def scenario() -> None:
        it = bench(cache_url=redis.url, cache_timeout_ms=2000)
        redis.signal(signal.SIGSTOP)
        leader = asyncio.create_task(it.ask("abc"))
        await asyncio.sleep(0)
        begun = time.monotonic()
        with pytest.raises(RefusedError):
            await it.ask("abc", seconds=0.05)
        assert time.monotonic() - begun < 1
        redis.signal(signal.SIGCONT)
        assert (await leader).output == Length(3)
        await it.around.close(1)

    try:
        run(scenario())
    finally:
        redis.signal(signal.SIGCONT)
