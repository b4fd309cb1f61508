"""What a turn of the event loop admits of what it reads."""

import itertools

from slipway_kit.planning.entry import Priority
from slipway_kit.planning.reading import Reading

MANY = 1000


def admitted(reading: Reading, elapsed: float, number: int = MANY) -> set[Priority]:
    return {priority for priority in Priority if reading.admits(priority, elapsed, number)}


def under_load(seconds: float, turns: int) -> Reading:
    """Of an objective of one second, after turns that took so long."""
    return after(Reading(1.0), turns, seconds, seconds)


def after(reading: Reading, turns: int, seconds: float, worked: float) -> Reading:
    """The same, after turns more, of so many seconds, for so many of which it had a core."""
    for _ in range(turns):
        reading.turned(seconds, worked, was_busy=True)
    return reading


def test_the_first_part_of_a_turn_admits_all_and_the_rest_nothing() -> None:
    reading = Reading(1.0)
    assert admitted(reading, 0.12) == set(Priority)
    assert admitted(reading, 0.13) == admitted(reading, 0.49) == {Priority.HIGH}, "which has four times as long"
    assert admitted(reading, 0.51) == set()


def test_where_few_come_they_are_admitted_however_slow_the_turn_is() -> None:
    assert admitted(Reading(1.0), elapsed=9.0, number=16) == set(Priority)
    assert admitted(Reading(1.0), elapsed=9.0, number=17) == set()
    assert admitted(under_load(9.0, 100), elapsed=9.0, number=5) == set()


def test_long_turns_crowd_out_the_low_priority_first_and_the_high_one_last() -> None:
    left = [admitted(under_load(0.1, turns), elapsed=0.12) for turns in range(40)]
    assert left[0] == set(Priority)
    assert all(fewer <= more for more, fewer in itertools.pairwise(left))
    assert {Priority.HIGH, Priority.NORMAL} in left
    assert left[-1] == {Priority.HIGH}


def test_something_is_admitted_under_any_pressure() -> None:
    assert admitted(under_load(9.0, 100), elapsed=0.0004) == set(Priority)
    assert admitted(under_load(9.0, 100), elapsed=0.001) == {Priority.HIGH, Priority.NORMAL}
    assert admitted(under_load(9.0, 100), elapsed=0.12) == {Priority.HIGH}
    assert admitted(under_load(9.0, 100), elapsed=0.13) == set()


def test_one_long_turn_takes_nothing_from_those_of_normal_priority() -> None:
    assert admitted(under_load(9.0, 1), elapsed=0.12) == {Priority.HIGH, Priority.NORMAL}


def test_turns_of_the_targets_length_keep_the_pressure() -> None:
    reading = under_load(0.1, 10)
    before = reading.pressure
    reading.turned(0.05, 0.05, was_busy=True)
    assert reading.pressure == before > 0


def test_short_turns_take_the_pressure_off_within_two_objectives() -> None:
    reading = after(under_load(9.0, 100), 200, 0.01, 0.01)
    assert reading.pressure == 0.0
    assert admitted(reading, 0.12) == set(Priority)


def test_time_without_anything_to_do_takes_the_pressure_off() -> None:
    reading = under_load(9.0, 100)
    assert reading.pressure == 8.0
    reading.turned(1.0, 0.0, was_busy=False)
    assert reading.pressure == 3.0


def test_turns_that_lost_their_core_to_a_neighbour_are_no_load() -> None:
    assert after(Reading(1.0), 100, 0.15, 0.04).pressure == 0.0
    assert after(under_load(9.0, 100), 100, 0.15, 0.01).pressure == 0.0


def test_turns_are_kept_within_what_can_be_answered_in_time_whoever_has_the_core() -> None:
    assert after(Reading(1.0), 100, 0.3, 0.01).pressure == 8.0
