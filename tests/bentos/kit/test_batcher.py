"""The batcher on a real event loop: what becomes of requests, and whose context code runs in."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from slipway_kit.batcher import Batcher, ModelFailedError, Ticket
from slipway_kit.planning.entry import Priority, Reason, RefusedError
from slipway_kit.planning.planner import Batch, Limits, Planner
from slipway_kit.requests import Request, current_request, each, enter_request, requests
from slipway_kit.workers import Inline, Light, Threads

from tests.bentos.kit.builders import affine, profile

tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="nobody")


class Noted:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.refusals: list[tuple[Reason, int]] = []
        self.batches: list[int] = []

    def offered(self, units: int, now: float) -> None: ...

    def refused(self, reason: Reason, items: int) -> None:
        self.refusals.append((reason, items))

    def started(self, batch: Batch, members: Sequence[Request]) -> None: ...

    def inside(self, begun: Any, compute: Callable[[], list[Any]]) -> list[Any]:
        assert begun is None
        return compute()

    def ended(self, batch: Batch, begun: Any, error: BaseException | None) -> None:  # noqa: ARG002
        self.batches.append(len(batch.entries))


class Bench:
    """A batcher around a function, and what it takes to ask it."""

    def __init__(
        self, compute: Callable[[list[Any]], list[Any]], *, inline: bool = False, objective: float = 5.0, most: int = 64
    ) -> None:
        limits = Limits(
            objective=objective, margin=0.0, max_batch=most, queue_items=100, queue_bytes=1 << 20, concurrency=1
        )
        self.noted = Noted()
        self._told: list[Ticket] = []
        self._news = asyncio.Event()
        self.batcher = Batcher(
            Planner(limits, profile(affine(0.001, 0.0), most)), compute, Inline() if inline else Threads(1), self.noted
        )

    def submit(self, *items: Any, id: str = "r", priority: Priority = Priority.NORMAL) -> list[Ticket]:  # noqa: A002
        request = Request(id=id, priority=priority, deadline=0.0, headers=())
        enter_request(request)
        return self.batcher.submit([(item, 1) for item in items], request, tell=self._tell, arrival=time.monotonic())

    async def ask(self, item: Any, id: str = "r") -> Any:  # noqa: A002
        return await self.told(self.submit(item, id=id)[0])

    async def told(self, ticket: Ticket) -> Any:
        while ticket not in self._told:
            self._news.clear()
            await self._news.wait()
        if ticket.error is not None:
            raise ticket.error
        return ticket.output

    def _tell(self, ticket: Ticket) -> None:
        assert ticket not in self._told
        self._told.append(ticket)
        self._news.set()


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 20))


class Gate:
    """A model that computes when it is let, so that a test decides what waits meanwhile."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Event()
        self.batches: list[list[Any]] = []

    def __call__(self, items: list[Any]) -> list[Any]:
        self.batches.append(items)
        self.begun.set()
        assert self.open.wait(10)
        return [item * 10 for item in items]


@pytest.mark.parametrize("inline", [True, False])
def test_every_item_gets_its_own_answer(*, inline: bool) -> None:
    async def scenario() -> None:
        bench = Bench(lambda items: [item * 10 for item in items], inline=inline)
        assert await asyncio.gather(*(bench.ask(number) for number in range(50))) == [10 * n for n in range(50)]
        assert bench.noted.batches == [50]  # they came in the same turn of the loop

    run(scenario())


def test_a_lone_request_is_started_at_once_and_the_rest_is_a_batch() -> None:
    async def scenario() -> None:
        gate = Gate()
        bench = Bench(gate)
        first = asyncio.create_task(bench.ask(1))
        await asyncio.to_thread(gate.begun.wait, 10)
        others = [asyncio.create_task(bench.ask(number)) for number in (2, 3, 4)]
        await asyncio.sleep(0)
        gate.open.set()
        assert await asyncio.gather(first, *others) == [10, 20, 30, 40]
        assert gate.batches == [[1], [2, 3, 4]]

    run(scenario())


def test_in_a_hurry_what_has_come_is_computed_within_the_turn() -> None:
    async def scenario() -> None:
        bench = Bench(list, inline=True)
        bench.batcher.hurry()
        tickets = bench.submit(1, 2)
        assert [ticket.output for ticket in tickets] == [None, None]
        bench.batcher.hurry()
        assert [ticket.output for ticket in tickets] == [1, 2]
        assert bench.noted.batches == [2]
        assert await bench.ask(3) == 3

    run(scenario())


def test_a_model_that_is_slower_than_it_was_measured_is_given_threads() -> None:
    async def scenario() -> None:
        threads: list[str] = []

        def compute(items: list[Any]) -> list[Any]:
            threads.append(threading.current_thread().name)
            time.sleep(0.03)
            return items

        bench = Bench(compute)
        bench.batcher._workers = Light(lambda: Threads(1))
        for number in range(4):
            await bench.ask(number)
        assert threads == [*["MainThread"] * 3, "slipway-model-0"]

    run(scenario())


def test_an_item_whose_client_has_gone_is_not_computed() -> None:
    async def scenario() -> None:
        gate = Gate()
        bench = Bench(gate)
        tickets = bench.submit(1)
        await asyncio.sleep(0.01)
        gone, stays = bench.submit(2), bench.submit(3)
        bench.batcher.withdraw(gone)
        gate.open.set()
        assert [await bench.told(tickets[0]), await bench.told(stays[0])] == [10, 30]
        assert gate.batches == [[1], [3]]

    run(scenario())


def test_a_model_that_raises_fails_its_own_batch_and_no_other() -> None:
    def compute(items: list[Any]) -> list[Any]:
        if "bad" in items:
            raise ZeroDivisionError("no such thing")
        return items

    async def scenario() -> None:
        bench = Bench(compute, inline=True, most=2)
        answers = await asyncio.gather(*(bench.ask(i) for i in ("a", "bad", "c", "d")), return_exceptions=True)
        assert [type(answer) for answer in answers] == [ModelFailedError, ModelFailedError, str, str]
        assert isinstance(answers[0], ModelFailedError)
        assert isinstance(answers[0].__cause__, ZeroDivisionError)

    run(scenario())


def test_a_model_that_hangs_leaves_nobody_without_an_answer() -> None:
    async def scenario() -> None:
        gate = Gate()
        bench = Bench(gate, objective=0.1)
        bench.submit(1)
        await asyncio.sleep(0.01)
        with pytest.raises(RefusedError, match="deadline_passed"):
            await bench.ask(2)
        gate.open.set()
        await bench.batcher.drained()

    run(scenario())


def test_of_several_items_all_are_admitted_or_none() -> None:
    async def scenario() -> None:
        bench = Bench(Gate())
        with pytest.raises(RefusedError, match="queue_full"):
            bench.submit(*range(101))
        assert bench.batcher.planner.queue.items == 0
        assert bench.noted.refusals == [(Reason.QUEUE_FULL, 101)]

    run(scenario())


def test_who_is_displaced_is_told() -> None:
    async def scenario() -> None:
        gate = Gate()
        bench = Bench(gate)
        low = [bench.submit(number, priority=Priority.LOW)[0] for number in range(100)]
        bench.submit(1, priority=Priority.HIGH)
        with pytest.raises(RefusedError, match="displaced"):
            await bench.told(low[99])
        gate.open.set()

    run(scenario())


def test_at_the_end_what_is_left_is_refused_and_nothing_hangs() -> None:
    async def scenario() -> None:
        gate = Gate()
        bench = Bench(gate)
        running = bench.submit(1)
        await asyncio.sleep(0.01)
        waiting = bench.submit(2)
        bench.batcher.close()
        for ticket in (waiting[0], running[0]):
            with pytest.raises(RefusedError, match="draining"):
                await bench.told(ticket)
        gate.open.set()
        await bench.batcher.drained()

    run(scenario())


def test_code_for_an_item_runs_as_its_request_and_code_for_the_batch_as_none() -> None:
    """BentoML's batching runs in the context of the worker's first request for as long as it lives."""
    said: list[tuple[str, str]] = []
    whole: list[Request | None] = []

    def compute(items: list[str]) -> list[str]:
        whole.append(current_request())
        assert tenant.get() == "nobody"
        for item, request in zip(each(items), requests(), strict=True):
            now = current_request()
            assert now is request
            said.append((item, request.id + " " + request.run(tenant.get)))
        assert current_request() is None
        return items

    async def client(bench: Bench, name: str) -> None:
        tenant.set(name)
        assert await bench.ask(f"of {name}", id=f"id-{name}") == f"of {name}"
        current = current_request()
        assert current is not None
        assert (current.id, tenant.get()) == (f"id-{name}", name)

    async def scenario() -> None:
        bench = Bench(compute)
        for _ in range(3):
            await asyncio.gather(*(client(bench, name) for name in ("ann", "bob", "cem")))

    run(scenario())
    assert sorted(set(said)) == [(f"of {name}", f"id-{name} {name}") for name in ("ann", "bob", "cem")]
    assert set(whole) == {None}
