"""Probes: what is asked when, and what is made of the answers."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from slipway.embedded.processes.pods import Health
from slipway.embedded.processes.probing import Probing
from tests.live import until

CONTAINER = {
    "startupProbe": {"httpGet": {"path": "/livez"}, "periodSeconds": 1, "failureThreshold": 3},
    "livenessProbe": {"httpGet": {"path": "/livez"}, "periodSeconds": 1, "failureThreshold": 2},
    "readinessProbe": {"httpGet": {"path": "/readyz"}, "periodSeconds": 1, "failureThreshold": 2},
}


class AtOnce(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("slipway.embedded.processes.probing.time.monotonic", lambda: self.now)

    def rounds(self, of: Probing, answers: dict[str, bool], count: int) -> Health:
        for _ in range(count):
            of.round(AtOnce(), lambda url, _: answers[url.rpartition("/")[2]])
            self.now += 1
        return of.health


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def probed() -> Probing:
    return Probing({"spec": {"containers": [CONTAINER]}}, "http://127.77.1.1:3000", (7, 1))


def test_it_is_ready_once_it_has_started_and_says_so(clock: Clock, probed: Probing) -> None:
    assert clock.rounds(probed, {"livez": False, "readyz": True}, 2) == Health()
    assert clock.rounds(probed, {"livez": True, "readyz": False}, 4) == Health(started=True)
    assert clock.rounds(probed, {"livez": True, "readyz": True}, 2) == Health(started=True, ready=True)
    # One bad answer is not yet the end of it.
    assert clock.rounds(probed, {"livez": True, "readyz": False}, 1) == Health(started=True, ready=True)
    assert clock.rounds(probed, {"livez": True, "readyz": False}, 3) == Health(started=True)
    assert not probed.is_lost


def test_what_does_not_start_in_time_or_no_longer_lives_is_lost(clock: Clock, probed: Probing) -> None:
    clock.rounds(probed, {"livez": False, "readyz": False}, 3)
    assert not probed.is_lost
    clock.rounds(probed, {"livez": False, "readyz": False}, 2)
    assert probed.is_lost


def test_what_no_longer_lives_is_lost(clock: Clock, probed: Probing) -> None:
    clock.rounds(probed, {"livez": True, "readyz": True}, 4)
    assert not probed.is_lost
    clock.rounds(probed, {"livez": False, "readyz": True}, 4)
    assert probed.is_lost


def test_what_is_not_probed_is_ready() -> None:
    assert Probing({"spec": {"containers": [{}]}}, "", (7, 1)).round(AtOnce(), lambda *_: False) == Health(
        started=True, ready=True
    )


def test_a_question_that_fails_is_asked_again() -> None:
    """As while the packages of this very command are being replaced."""
    asked: list[str] = []

    def ask(url: str, _: float) -> bool:
        asked.append(url)
        if len(asked) == 1:
            raise FileNotFoundError(url)
        return True

    pod = {"spec": {"containers": [{"name": "m", "readinessProbe": {"httpGet": {"path": "/"}, "periodSeconds": 0}}]}}
    probing = Probing(pod, "http://127.0.0.1:1", (1, 1))
    with ThreadPoolExecutor(1) as pool:
        until(lambda: _ready(probing, pool, ask), "it to be ready", 10)


def _ready(probing: Probing, pool: ThreadPoolExecutor, ask: Callable[[str, float], bool]) -> bool:
    try:
        return probing.round(pool, ask).ready
    except FileNotFoundError:
        return False
