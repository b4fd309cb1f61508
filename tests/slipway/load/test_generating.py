"""The generator: what it sends, when, and what it writes down."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from slipway.errors import LoadError
from slipway.load import program
from slipway.load.generating import generate
from slipway.load.plan import PRIORITIES, Payload, Plan
from slipway.load.results import Outcome, Results
from slipway.load.schedules import Schedule, mixed, poisson
from slipway.paths import REPOSITORY
from tests.slipway.load.answering import answering, stalls

_PAYLOAD = Payload('{"image":[]}', '"digit":7')


def _regular(rate: float, seconds: float) -> Schedule:
    number = int(rate * seconds)
    due = (np.arange(number) * 1e9 / rate).astype(np.int64)
    return Schedule(due, seconds, np.zeros(number, dtype=np.uint32))


def _outcomes(results: Results) -> list[str]:
    return [Outcome(each).name for each in results.outcomes]


def test_every_request_is_sent_and_its_answer_judged() -> None:
    answers = [(200, '{"digit": 7}'), (200, '{"digit":\n 7, "x": 1}'), (200, '{"digit": 8}'), (429, "{}"), (0, "")]
    with answering(lambda number, _: answers[number - 1]) as server:
        results = generate(Plan(port=server.port, payloads=[_PAYLOAD], open=1, connections=1), _regular(20, 0.25))
    assert _outcomes(results) == ["CORRECT", "CORRECT", "WRONG", "REFUSED", "BROKEN"]
    assert results.status.tolist() == [200, 200, 200, 429, 0]


def test_a_stall_is_felt_by_all_who_came_meanwhile() -> None:
    stall, rate = 0.4, 250.0
    with answering(stalls(100, stall)) as server:
        results = generate(Plan(port=server.port, payloads=[_PAYLOAD]), _regular(rate, 1.2))
    assert (results.outcomes == Outcome.CORRECT).all()
    # The k-th that came after the stall began waits for what is left of it. A closed loop would have seen one wait.
    for least in (0.1, 0.2, 0.3):
        assert int((results.latency > least).sum()) >= 0.9 * rate * (stall - least)
    before = results.latency[:80]
    assert float(np.median(before)) < 0.05


def test_time_spent_waiting_for_a_connection_counts() -> None:
    with answering(stalls(5, 0.3)) as server:
        plan = Plan(port=server.port, payloads=[_PAYLOAD], connections=2, open=2)
        results = generate(plan, _regular(200, 0.5))
        assert len(server.transports) == 2
    assert int(results.waited.sum()) >= 20
    assert float(results.latency[results.waited].max()) > 0.2
    assert not results.waited[:2].any()  # there is a connection for each of them


def test_what_nobody_waits_for_any_more_is_given_up() -> None:
    with answering(stalls(1, 0.6)) as server:
        plan = Plan(port=server.port, payloads=[_PAYLOAD], connections=1, open=1, timeout=0.2)
        results = generate(plan, _regular(20, 0.2))
    assert set(_outcomes(results)) <= {"TIMED_OUT", "CORRECT"}
    assert _outcomes(results)[0] == "TIMED_OUT"
    assert 0.2 <= results.latency[0] < 0.55  # a tenth of a second later than asked for, and a busy machine


def test_headers_are_those_of_the_kind() -> None:
    schedule = mixed(poisson(100, 0.5, seed=1), {0: 1, 2: 1}, seed=1)
    with answering(lambda _, head: (200 if "x-slipway-priority: high" in head else 429, '{"digit":7}')) as server:
        results = generate(Plan(port=server.port, payloads=[_PAYLOAD], headers=PRIORITIES), schedule)
    assert np.array_equal(results.status == 200, schedule.kinds == 0)
    assert np.array_equal(results.status == 429, schedule.kinds == 2)


def test_nobody_listening_is_said() -> None:
    with pytest.raises(LoadError, match=r"nobody listens at 127\.0\.0\.1:9"):
        generate(Plan(port=9, payloads=[_PAYLOAD]), _regular(10, 0.1))


def test_kinds_without_headers_are_refused(tmp_path: Path) -> None:
    schedule = mixed(poisson(100, 1, seed=1), {2: 1}, seed=1)
    with pytest.raises(ValueError, match="requests of kind 2, and the plan headers for 1"):
        Plan(port=1, payloads=[_PAYLOAD]).write(schedule, tmp_path)


def test_results_of_another_schedule_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "results.bin").write_bytes(bytes(24))
    with pytest.raises(LoadError, match="has 1 requests, and the schedule 2"):
        Results.read(tmp_path, _regular(2, 1))


def test_an_interrupt_keeps_what_was_answered() -> None:
    script = (
        "import numpy as np, sys\n"
        "from slipway.load.generating import generate\n"
        "from slipway.load.plan import Payload, Plan\n"
        "from slipway.load.results import Outcome\n"
        "from tests.slipway.load.test_generating import _regular\n"
        "plan = Plan(port=int(sys.argv[1]), payloads=[Payload('{}', '\"digit\":7')])\n"
        "results = generate(plan, _regular(100, 30), progress=0.1)\n"
        "print(*np.bincount(results.outcomes, minlength=6))\n"
    )
    program.program(program.GENERATE)  # made before the clock runs
    with (
        answering(lambda *_: (200, '{"digit":7}')) as server,
        subprocess.Popen(
            [sys.executable, "-c", script, str(server.port)],
            cwd=REPOSITORY,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process,
    ):
        until = time.monotonic() + 120
        while len(server.heads) < 20:
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    unsent, correct, *others = (int(each) for each in said.split())
    assert correct >= 19
    assert unsent + correct == 3000
    assert others == [0, 0, 0, 0]


def test_the_programs_are_built_once_for_their_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "generator"
    source.mkdir()
    (source / "main.go").write_text("package main")
    monkeypatch.setattr(program, "SOURCE", source)
    before = program.folder()
    assert program.folder() == before
    (source / "main.go").write_text("package main // changed")
    assert program.folder() != before
