"""The supervisor where there are no namespaces: what it starts there it keeps, and ends when it is told."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.embedded.supervisor import launch
from slipway.embedded.supervisor.client import SupervisorClient
from slipway.embedded.supervisor.spec import Place, ProcessSpec
from tests.live import until


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[SupervisorClient]:
    client = SupervisorClient(instance="unit", runtime=tmp_path / "run", logs=tmp_path / "logs")
    client.ensure()
    yield client
    client.ensure()
    client.shutdown()
    until(lambda: client.pid() is None, "the supervisor to end")


def sleeper(cwd: str = "/") -> ProcessSpec:
    return ProcessSpec(name="sleeper", argv=["/bin/sleep", "3600"], place=Place.HOST, cwd=cwd)


def pid_of(supervisor: SupervisorClient) -> int:
    status = supervisor.process("sleeper")
    return status.pid if status else 0


def test_it_runs_where_it_is_told_in_no_namespaces_but_our_own(supervisor: SupervisorClient, tmp_path: Path) -> None:
    supervisor.start(sleeper(str(tmp_path)))
    pid = pid_of(supervisor)
    assert Path(f"/proc/{pid}/cwd").resolve() == tmp_path
    for kind in ("pid", "mnt", "net"):
        assert Path(f"/proc/{pid}/ns/{kind}").readlink() == Path(f"/proc/self/ns/{kind}").readlink()


def test_it_is_started_again_when_it_ends_and_gone_when_it_is_stopped(supervisor: SupervisorClient) -> None:
    supervisor.start(sleeper())
    first = pid_of(supervisor)
    os.kill(first, signal.SIGKILL)
    until(lambda: pid_of(supervisor) not in (0, first), "another one")
    second = pid_of(supervisor)
    supervisor.stop("sleeper")
    assert launch.identity(second) is None
    assert supervisor.process("sleeper") is None


def test_the_next_supervisor_takes_it_over(supervisor: SupervisorClient) -> None:
    supervisor.start(sleeper())
    pid = pid_of(supervisor)
    os.kill(supervisor.pid() or 0, signal.SIGKILL)
    until(lambda: supervisor.pid() is None, "the supervisor to be gone")
    assert launch.identity(pid) is not None
    supervisor.ensure()
    assert pid_of(supervisor) == pid


STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.1; done"


def test_what_takes_its_time_to_end_keeps_nobody_waiting(supervisor: SupervisorClient) -> None:
    stubborn = ProcessSpec(name="stubborn", argv=["/bin/sh", "-c", STUBBORN], place=Place.HOST, stop_seconds=100)
    supervisor.start(stubborn)
    until(lambda: "up" in (supervisor.logs / "stubborn.log").read_text(), "it to be stubborn")
    ending = threading.Thread(target=supervisor.stop, args=("stubborn",))
    status = supervisor.process("stubborn")
    assert status is not None
    ending.start()
    supervisor.start(sleeper())
    assert pid_of(supervisor)
    supervisor.stop("sleeper")
    assert ending.is_alive()
    os.kill(status.pid, signal.SIGKILL)
    ending.join()
    assert supervisor.process("stubborn") is None


def test_it_may_be_given_less_time_than_its_own(supervisor: SupervisorClient) -> None:
    stubborn = ProcessSpec(name="stubborn", argv=["/bin/sh", "-c", STUBBORN], place=Place.HOST, stop_seconds=600)
    supervisor.start(stubborn)
    until(lambda: "up" in (supervisor.logs / "stubborn.log").read_text(), "it to be stubborn")
    supervisor.stop("stubborn", seconds=0.2)
    assert supervisor.process("stubborn") is None


def test_one_that_is_restarted_is_counted_and_one_that_is_stopped_is_forgotten(supervisor: SupervisorClient) -> None:
    supervisor.start(sleeper())
    first = pid_of(supervisor)
    supervisor.restart("sleeper")
    until(lambda: pid_of(supervisor) not in (0, first), "another one")
    status = supervisor.process("sleeper")
    assert status is not None
    assert status.restarts == 1


def test_what_it_started_goes_with_it(supervisor: SupervisorClient, tmp_path: Path) -> None:
    script = f"sleep 3601 & echo $! > {tmp_path}/child; wait"
    supervisor.start(ProcessSpec(name="parent", argv=["/bin/sh", "-c", script], place=Place.HOST))
    until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip(), "its child")
    child = int((tmp_path / "child").read_text())
    assert launch.identity(child) is not None
    status = supervisor.process("parent")
    assert status is not None
    os.kill(status.pid, signal.SIGKILL)
    until(lambda: launch.identity(child) is None or launch.is_ending(child), "its child to go")


def test_a_record_that_cannot_be_written_ends_nothing(supervisor: SupervisorClient, tmp_path: Path) -> None:
    """As on a full disk."""
    supervisor.start(sleeper())
    partial = tmp_path / "run" / "processes.json.partial"
    partial.mkdir()  # what is written there fails now
    first = pid_of(supervisor)
    os.kill(first, signal.SIGKILL)
    until(lambda: pid_of(supervisor) not in (0, first), "another one")
    partial.rmdir()
    second = pid_of(supervisor)
    os.kill(second, signal.SIGKILL)
    until(lambda: pid_of(supervisor) not in (0, second), "a third one")


def test_the_next_supervisor_finds_what_was_being_started_whatever_it_is_by_now(
    supervisor: SupervisorClient, tmp_path: Path
) -> None:
    argv = ["/bin/sh", "-c", "exec sleep 3602"]
    supervisor.start(ProcessSpec(name="sleeper", argv=argv, place=Place.HOST))
    pid = pid_of(supervisor)
    until(lambda: launch.command_of(pid) == ["sleep", "3602"], "it to be another program")
    os.kill(supervisor.pid() or 0, signal.SIGKILL)
    until(lambda: supervisor.pid() is None, "the supervisor to be gone")
    record = tmp_path / "run" / "processes.json"
    told = json.loads(record.read_text())
    told["processes"][0].update(pid=0, started=0)  # it was killed before it could write these
    record.write_text(json.dumps(told))
    supervisor.ensure()
    assert pid_of(supervisor) == pid
