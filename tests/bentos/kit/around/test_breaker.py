"""The breaker alone, with a clock that is moved by hand."""

import pytest
from slipway_kit.around.breaker import Breaker, State

from tests.bentos.kit.around.builders import Clock


class Circuit:
    """A breaker that opens when half of the last ten calls have failed, four being known, and notes its states."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.states: list[State] = []
        self.breaker = Breaker(
            share=0.5, seconds=10, calls=10, least=4, failures=2, clock=self.clock, changed=self.states.append
        )

    def call(self, ends: str) -> None:
        """As many calls as there are signs: + succeeds, - fails."""
        for end in ends:
            permit = self.admitted()
            if end == "+":
                self.breaker.succeeded(permit)
            else:
                self.breaker.failed(permit)

    def state(self) -> State:
        return self.breaker.state

    def admitted(self) -> int:
        permit = self.breaker.admit()
        assert permit is not None
        return permit


@pytest.fixture
def circuit() -> Circuit:
    return Circuit()


def test_it_opens_when_the_share_of_the_last_calls_has_failed(circuit: Circuit) -> None:
    circuit.call("+++--")
    assert circuit.state() is State.CLOSED
    circuit.call("-")
    assert circuit.state() is State.OPEN
    assert circuit.breaker.admit() is None


def test_it_takes_a_few_calls_to_know(circuit: Circuit) -> None:
    circuit.call("---")
    assert circuit.state() is State.CLOSED
    circuit.call("-")
    assert circuit.state() is State.OPEN


def test_failures_that_are_long_past_count_no_more(circuit: Circuit) -> None:
    circuit.call("---" + 10 * "+")
    circuit.call("----")
    assert circuit.state() is State.CLOSED


def test_a_batch_that_fails_is_one_failure_however_many_items_it_has(circuit: Circuit) -> None:
    poison = ValueError("one item is enough")
    for _ in range(8):
        circuit.breaker.failed(circuit.admitted(), poison)
    assert circuit.state() is State.CLOSED
    circuit.breaker.failed(circuit.admitted(), ValueError("another batch"))
    assert circuit.state() is State.OPEN


def test_after_its_seconds_one_probe_at_a_time_is_let_through(circuit: Circuit) -> None:
    circuit.call("----")
    circuit.clock.now += 9.9
    assert circuit.breaker.admit() is None
    assert circuit.breaker.retry_after == pytest.approx(0.1)
    circuit.clock.now += 0.2
    circuit.admitted()
    assert circuit.state() is State.HALF_OPEN
    assert circuit.breaker.admit() is None


def test_a_probe_that_succeeds_closes_it_and_the_past_is_forgotten(circuit: Circuit) -> None:
    circuit.call("----")
    circuit.clock.now += 10
    circuit.call("+")
    assert circuit.states == [State.OPEN, State.HALF_OPEN, State.CLOSED]
    circuit.call("---")
    assert circuit.state() is State.CLOSED


def test_a_probe_that_fails_opens_it_for_as_long_again(circuit: Circuit) -> None:
    circuit.call("----")
    circuit.clock.now += 10
    circuit.call("-")
    assert circuit.breaker.admit() is None
    circuit.clock.now += 10
    circuit.admitted()
    assert circuit.states == [State.OPEN, State.HALF_OPEN, State.OPEN, State.HALF_OPEN]


def test_a_probe_that_tells_nothing_makes_way_for_the_next(circuit: Circuit) -> None:
    circuit.call("----")
    circuit.clock.now += 10
    circuit.breaker.withdrawn(circuit.admitted())
    circuit.call("+")
    assert circuit.state() is State.CLOSED


def test_a_probe_that_hangs_keeps_others_away_for_the_same_seconds_only(circuit: Circuit) -> None:
    circuit.call("----")
    circuit.clock.now += 10
    hanging = circuit.admitted()
    circuit.clock.now += 10
    second = circuit.admitted()
    circuit.breaker.succeeded(hanging)
    assert circuit.state() is State.HALF_OPEN
    circuit.breaker.succeeded(second)
    assert circuit.state() is State.CLOSED


def test_what_was_begun_before_it_opened_tells_nothing(circuit: Circuit) -> None:
    early = circuit.admitted()
    circuit.call("----")
    circuit.breaker.succeeded(early)
    assert circuit.state() is State.OPEN
    circuit.clock.now += 10
    circuit.admitted()
    circuit.breaker.failed(early)
    assert circuit.state() is State.HALF_OPEN
