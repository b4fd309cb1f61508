"""What is let in, what is refused, and for whom something has to go."""

import pytest
from slipway_kit.planning.entry import Priority, Reason, RefusedError

from tests.bentos.kit.builders import Desk, affine

HIGH, NORMAL, LOW = Priority
TEN_MS = affine(0.010, 0.0)
"""However large the batch."""
FIVE_EACH = affine(0.0, 0.005)


def test_the_full_queue_refuses_and_says_when_to_come_again() -> None:
    desk = Desk(TEN_MS, items=2)
    desk.offer("a")
    desk.offer("b")
    with pytest.raises(RefusedError) as refused:
        desk.offer("c")
    assert refused.value.reason is Reason.QUEUE_FULL
    assert refused.value.retry_after == pytest.approx(0.010)


def test_the_queue_is_bounded_by_bytes_and_bodies_that_are_being_received_count() -> None:
    desk = Desk(TEN_MS, bytes=100)
    desk.offer("a", bytes=50)
    desk.planner.bytes_elsewhere = 30
    assert desk.refusal("b", bytes=30) == "bytes_full"
    assert desk.refusal("c", bytes=20) == ""


def test_a_higher_priority_displaces_the_latest_of_the_lowest() -> None:
    desk = Desk(TEN_MS, items=3)
    desk.offer("normal", NORMAL)
    desk.offer("low 1", LOW)
    desk.offer("low 2", LOW)
    desk.offer("high", HIGH)
    assert desk.displaced == ["low 2"]
    desk.offer("normal 2", NORMAL)
    assert desk.displaced == ["low 2", "low 1"]
    assert desk.refusal("low 3", LOW) == "queue_full"


def test_nothing_is_displaced_for_an_item_that_does_not_fit_even_so() -> None:
    desk = Desk(TEN_MS, bytes=100)
    desk.offer("normal", NORMAL, bytes=60)
    desk.offer("low", LOW, bytes=30)
    assert desk.refusal("high", HIGH, bytes=101) == "bytes_full"
    assert desk.displaced == []


def test_bytes_displace_as_many_as_are_needed() -> None:
    desk = Desk(TEN_MS, bytes=100)
    for name in ("a", "b", "c"):
        desk.offer(name, LOW, bytes=30)
    desk.offer("high", HIGH, bytes=60)
    assert desk.displaced == ["c", "b"]


def test_what_cannot_be_answered_in_time_is_refused_at_the_door() -> None:
    desk = Desk(affine(0.040, 0.0), max_batch=1)
    desk.offer("first")
    desk.begin()  # done at 40 ms
    desk.offer("second")  # at 80 ms
    with pytest.raises(RefusedError) as refused:
        desk.offer("third")  # would be at 120 ms
    assert refused.value.reason is Reason.DEADLINE_UNREACHABLE
    assert refused.value.retry_after == pytest.approx(0.020)


def test_the_deadline_counts_from_arrival_not_from_admission() -> None:
    desk = Desk(affine(0.040, 0.0), max_batch=1)
    desk.offer("first")
    desk.begin()
    desk.ms = 30
    with pytest.raises(RefusedError, match="deadline_unreachable"):
        desk.planner.admit("slow body", now=desk.now, arrival=-0.030)  # 70 ms old when it ends, done at 80


def test_a_client_can_shorten_the_deadline_and_not_lengthen_it() -> None:
    desk = Desk(TEN_MS)
    assert desk.offer("patient", budget=5000).deadline == pytest.approx(0.100)
    assert desk.offer("hasty", budget=20).deadline == pytest.approx(0.020)


def test_a_higher_priority_does_not_wait_behind_what_it_overtakes() -> None:
    desk = Desk(FIVE_EACH, max_batch=4)
    desk.offer("running")
    desk.begin()
    while not desk.refusal("normal"):
        pass
    assert desk.refusal("high", HIGH) == ""


def test_an_idle_server_tries_even_what_the_estimate_calls_too_slow() -> None:
    desk = Desk(affine(0.300, 0.0))
    assert desk.refusal("tried") == ""
    assert desk.refusal("beside another") == "deadline_unreachable"


def test_an_idle_server_refuses_a_deadline_of_the_clients_own_that_the_model_never_meets() -> None:
    desk = Desk(TEN_MS)
    assert desk.refusal("impossible", budget=5) == "deadline_unreachable"


def test_an_item_larger_than_any_batch_is_refused_for_good() -> None:
    assert Desk(TEN_MS, max_batch=8).refusal("large", units=9) == "item_too_large"


def test_a_planner_that_drains_admits_nothing() -> None:
    desk = Desk(TEN_MS)
    desk.planner.is_draining = True
    assert desk.refusal("late") == "draining"


def test_large_items_count_by_their_units() -> None:
    desk = Desk(FIVE_EACH, max_batch=10)
    desk.offer("ten units", units=10)
    desk.begin()  # done at 50 ms
    assert desk.refusal("ten more", units=10) == ""  # at 100 ms
    assert desk.refusal("one more") == "deadline_unreachable"


def test_a_batch_that_is_overdue_is_expected_to_need_as_long_again() -> None:
    desk = Desk(TEN_MS)
    desk.offer("hangs")
    desk.begin()  # was to be done at 10 ms
    desk.ms = 50
    assert desk.planner.wait(desk.now) == pytest.approx(0.040 + 0.010)
    desk.ms = 200
    assert desk.refusal("hopeless") == "deadline_unreachable"


def test_several_slots_share_the_load() -> None:
    desk = Desk(affine(0.060, 0.0), max_batch=1, concurrency=2)
    desk.offer("a")
    desk.offer("b")
    desk.begin()
    assert desk.planner.wait(desk.now) == pytest.approx(0.120)  # b, then this one behind a or b
    desk.begin()
    assert desk.refusal("c") == "deadline_unreachable"


def test_who_has_gone_is_forgotten_unless_it_is_being_computed() -> None:
    desk = Desk(TEN_MS, max_batch=1)
    first, second = desk.offer("first"), desk.offer("second")
    desk.begin()
    assert (desk.planner.withdraw(first), desk.planner.withdraw(second)) == (False, True)
    assert (desk.planner.queue.items, desk.planner.queue.units_before(LOW, 9.0)) == (0, 0)


@pytest.mark.parametrize("waiting", range(1, 40))
def test_however_many_wait_a_deadline_is_held_to_what_is_expected(waiting: int) -> None:
    def desk() -> Desk:
        made = Desk(affine(0.01, 0.001), objective=1000, max_batch=4)
        for number in range(waiting):
            made.offer(str(number), Priority.HIGH)
        return made

    expected = desk().planner.wait(0.0, Priority.NORMAL) * 1000
    assert desk().refusal("before", budget=expected - 0.01) == "deadline_unreachable"
    assert desk().refusal("after", budget=expected + 0.01) == ""
