"""Which items are computed next, and how many."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slipway_kit.planning.entry import Priority
from slipway_kit.planning.planner import Batch

from tests.bentos.kit.builders import Desk, affine, names

HIGH, NORMAL, LOW = Priority
TEN_MS = affine(0.010, 0.0)


def test_a_lone_item_does_not_wait_for_company() -> None:
    desk = Desk(TEN_MS)
    desk.offer("alone")
    assert desk.start() == ["alone"]


def test_nothing_is_started_while_all_slots_are_taken() -> None:
    desk = Desk(TEN_MS, concurrency=2)
    started = []
    for name in ("a", "b", "c"):
        desk.offer(name)
        started.append(desk.start())
    assert started == [["a"], ["b"], []]


def test_what_came_while_the_model_was_busy_is_one_batch() -> None:
    desk = Desk(TEN_MS)
    desk.offer("first")
    batch = desk.begin()
    for name in ("a", "b", "c"):
        desk.offer(name)
    desk.end(batch)
    assert desk.start() == ["a", "b", "c"]


def test_the_earliest_deadline_goes_first_and_priority_before_deadline() -> None:
    desk = Desk(TEN_MS, max_batch=2)
    desk.offer("low", LOW, budget=30)
    desk.offer("later")
    desk.offer("sooner", budget=60)
    desk.offer("high", HIGH)
    assert (desk.start(), desk.planner.queue.items) == (["high", "sooner"], 2)


def test_a_batch_takes_half_the_objective_at_most() -> None:
    desk = Desk(affine(0.010, 0.004))  # 64 at once would take 266 ms
    for number in range(10):
        desk.offer(str(number))
    assert len(desk.start()) == 10
    assert desk.planner.usual_batch == 10


def test_where_one_item_takes_over_half_the_objective_as_many_go_along_as_cost_no_time() -> None:
    assert Desk(affine(0.060, 0.0001)).planner.usual_batch == 61


def test_a_batch_is_no_larger_than_it_is_efficient() -> None:
    """As where a batch of 16 fits a cache, and larger ones take twice as long for each item."""
    desk = Desk(lambda units: 0.004 + units * (0.00025 if units <= 16 else 0.001))
    assert desk.planner.usual_batch == 16
    assert desk.planner.capacity == pytest.approx(2000)


def test_where_company_gains_nothing_nobody_waits_for_it() -> None:
    """As with large models on a core: a batch of two takes as long as two."""
    desk = Desk(affine(0.0001, 0.010))
    assert desk.planner.usual_batch == 1
    for name in ("a", "b"):
        desk.offer(name)
    assert desk.start() == ["a"]


def test_a_batch_is_kept_small_enough_for_its_tightest_deadline() -> None:
    desk = Desk(affine(0.0, 0.005))
    desk.offer("hasty", budget=21)
    for number in range(9):
        desk.offer(str(number))
    batch = desk.begin()
    assert "hasty" in names(batch)
    assert batch is not None
    assert batch.expected <= 0.021


def test_one_that_cannot_be_saved_does_not_make_the_others_late() -> None:
    """After a stall, batches small enough for the oldest item would be so inefficient that all after it came late."""
    desk = Desk(affine(0.020, 0.001), max_batch=32)
    for number in range(8):
        desk.ms = number * 5
        desk.offer(f"item {number}")
    desk.ms = 75  # it was to start long ago: the first has 25 ms left, the last 60
    batch = desk.begin()
    assert names(batch) == [f"item {number}" for number in range(1, 8)]
    assert [entry.payload for entry in desk.lost] == ["item 0"]


def test_a_high_priority_is_not_given_up_for_many_low_ones() -> None:
    desk = Desk(affine(0.020, 0.001), max_batch=32)
    desk.offer("high", HIGH, budget=24)
    for number in range(20):
        desk.offer(str(number), LOW)
    assert "high" in desk.start()


def test_where_the_estimate_calls_all_late_the_slot_is_used_nevertheless() -> None:
    desk = Desk(affine(0.300, 0.0))
    desk.offer("tried")
    assert desk.start() == ["tried"]


def test_what_has_passed_its_deadline_is_refused_and_not_computed() -> None:
    desk = Desk(TEN_MS)
    desk.offer("hasty", budget=20)
    desk.offer("patient")
    desk.ms = 25
    assert [entry.payload for entry in desk.planner.expire(desk.now)] == ["hasty"]
    assert desk.start() == ["patient"]


def test_items_are_batched_by_units() -> None:
    desk = Desk(TEN_MS, max_batch=10)
    for name, units in (("six", 6), ("five", 5), ("four", 4)):
        desk.offer(name, units=units)
    assert desk.start() == ["six"]  # in order: what is behind does not overtake


def test_a_failed_batch_teaches_nothing_of_time() -> None:
    desk = Desk(TEN_MS)
    desk.offer("fails at once")
    batch = desk.begin()
    assert batch is not None
    desk.planner.finished(batch, desk.now, is_typical=False)
    desk.planner.profile.refresh(99.0)
    assert desk.planner.profile.tail(1) == pytest.approx(0.010)


@given(
    st.lists(
        st.tuples(st.sampled_from(Priority), st.floats(1, 200), st.integers(1, 8), st.floats(0, 30)),
        min_size=1,
        max_size=60,
    ),
    st.floats(0.0, 0.03),
    st.floats(0.0001, 0.01),
    st.integers(1, 3),
)
def test_everything_offered_is_refused_started_or_lost_once_and_what_is_started_is_in_order(
    offers: list[tuple[Priority, float, int, float]], base: float, each: float, concurrency: int
) -> None:
    desk = Desk(affine(base, each), max_batch=16, items=20, concurrency=concurrency)
    ended: list[str] = []
    running: list[Batch] = []
    for number, (priority, budget, units, pause) in enumerate(offers):
        deadline = desk.now + min(budget / 1000, desk.planner.limits.objective)
        is_hopeless = desk.planner.hopeless(priority, deadline) is not None
        reason = desk.refusal(str(number), priority, budget=budget, units=units)
        if reason:
            ended.append(str(number))
        if is_hopeless:  # what is refused unread would be refused if it were read
            assert reason == "deadline_unreachable"
        ended += desk.displaced
        desk.displaced = []
        desk.ms += pause
        ended += [entry.payload for entry in desk.planner.expire(desk.now)]
        for batch in [batch for batch in running if batch.expected <= desk.now]:
            running.remove(batch)
            desk.planner.finished(batch, desk.now)
        started = desk.begin()
        ended += [entry.payload for entry in desk.lost]
        if started is not None:
            running.append(started)
            ended += names(started)
            order = [(entry.priority, entry.due) for entry in started.entries]
            assert order == sorted(order)
            assert started.units <= max(desk.planner.usual_batch, started.entries[0].units)
    ended += [entry.payload for entry in desk.planner.expire(math.inf)]
    assert sorted(ended) == sorted(str(number) for number in range(len(offers)))
    assert (desk.planner.queue.items, desk.planner.queue.bytes) == (0, 0)


def test_under_overload_what_follows_a_refusal_is_refused_unread_until_something_ends() -> None:
    desk = Desk(TEN_MS, max_batch=1)
    running = desk.begin_with("first")
    while not desk.refusal("more"):
        pass
    deadline = desk.now + desk.planner.limits.objective
    assert desk.planner.hopeless(Priority.NORMAL, deadline) == pytest.approx(0.010)
    assert desk.planner.hopeless(Priority.NORMAL, deadline + 0.011) is None
    assert desk.planner.hopeless(Priority.HIGH, deadline) is None  # it overtakes
    desk.end(running)
    assert desk.planner.hopeless(Priority.NORMAL, deadline) is None


class Day:
    """A stream of items at so many times the capacity, on a simulated clock: what became of them."""

    def __init__(
        self,
        load: float,
        *,
        items: int = 4000,
        seconds: Callable[[int], float] = affine(0.005, 0.002),  # noqa: B008  # it is never changed
        objective: float = 100,
        is_random: bool = False,
    ) -> None:
        self.desk = desk = Desk(seconds, objective=objective)
        mean = sum(seconds(1) for _ in range(1000)) / 1000 / desk.planner.profile.typical(1)
        gap = 1000 / (desk.planner.capacity * load) * mean
        self.offered = items
        chance, arrival = random.Random(2), 0.0  # noqa: S311  # the same every time
        self.admitted = self.in_time = 0
        self.running: Batch | None = None
        self._timed: Batch | None = None
        self._ends = 0.0
        for number in range(items):
            arrival += gap * (chance.expovariate(1) if is_random else 1)
            self.pass_time(until=arrival)
            self.admitted += not desk.refusal(str(number))
            self.running = self.running or desk.begin()
        self.pass_time(until=math.inf)
        self.goodput = self.in_time / (items * gap / 1000) / desk.planner.capacity
        """As a share of the capacity."""

    def ends(self, batch: Batch) -> float:
        """When it is done, which chance decides once."""
        if batch is not self._timed:
            self._timed, self._ends = batch, batch.started + self.desk.seconds(batch.units)
        return self._ends

    def pass_time(self, until: float) -> None:
        while self.running is not None and self.ends(self.running) * 1000 <= until:
            self.desk.ms = self.ends(self.running) * 1000
            self.desk.planner.finished(self.running, self.desk.now)
            self.in_time += sum(entry.deadline >= self.desk.now for entry in self.running.entries)
            self.desk.planner.expire(self.desk.now)
            self.running = self.desk.begin()
        self.desk.ms = until


@pytest.mark.parametrize("load", [1.0, 1.5, 3.0, 10.0])
def test_overload_costs_next_to_none_of_the_capacity(load: float) -> None:
    assert Day(load).goodput > 0.95


@pytest.mark.parametrize("load", [1.0, 1.5, 3.0, 10.0])
def test_what_cannot_be_answered_in_time_is_refused_at_the_door_and_not_given_up_later(load: float) -> None:
    day = Day(load)
    assert day.in_time == day.admitted


def test_when_there_is_too_much_the_high_priority_holds_and_the_low_is_refused_first() -> None:
    desk = Desk(affine(0.005, 0.002))
    gap = 1000 / (desk.planner.capacity * 3)
    answered = dict.fromkeys(Priority, 0)
    running = None
    for number in range(6000):
        desk.ms = arrival = number * gap
        while running is not None and running.expected * 1000 <= arrival:
            desk.end(running)
            for entry in running.entries:
                answered[entry.priority] += entry.deadline >= desk.now
            desk.planner.expire(desk.now)
            running = desk.begin()
        desk.ms = arrival
        desk.refusal(str(number), (HIGH, NORMAL, LOW)[number % 10 // 4 if number % 10 < 8 else 2])
        running = running or desk.begin()
    # Of three times the capacity, 40% is high: 1.2 capacities, so that nothing is left for the others.
    assert answered[HIGH] > 0.9 * 2000
    assert answered[NORMAL] + answered[LOW] < 0.1 * 2000


def test_below_capacity_everything_is_answered_in_time() -> None:
    assert Day(0.9).goodput == pytest.approx(0.9, rel=0.02)


def test_where_some_batches_are_slow_few_are_refused_needlessly_and_few_are_late() -> None:
    """One batch in ten takes twice as long. An item far behind waits for many batches, and not all of them are slow."""
    chance = random.Random(1)  # noqa: S311  # the same every time
    day = Day(
        0.95,
        seconds=lambda units: (0.001 + 0.008 * units) * (2 if chance.random() < 0.1 else 1),
        objective=500,
        is_random=True,
    )
    assert day.in_time / day.admitted > 0.99
    assert day.admitted / day.offered > 0.995
