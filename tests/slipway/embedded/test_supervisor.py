"""The supervisor: what it starts it keeps, what it kept it takes over, and it ends nothing else."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.embedded.supervisor import daemon, launch
from slipway.embedded.supervisor.client import SupervisorClient
from slipway.embedded.supervisor.spec import Place, ProcessSpec
from slipway.errors import InstanceError
from tests import live

pytestmark = pytest.mark.node  # its processes are in namespaces; those that are not have a file of their own

MACHINE = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
fd = int(os.environ["SLIPWAY_READY_FD"]); os.write(fd, b"ready"); os.close(fd)
time.sleep(3600)
"""


def eventually(condition: Callable[[], bool]) -> bool:
    return live.eventually(condition, 15)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[SupervisorClient]:
    client = SupervisorClient(instance="unit", runtime=tmp_path / "run", logs=tmp_path / "logs")
    client.ensure()
    yield client
    client.ensure()
    client.shutdown()
    assert eventually(lambda: client.pid() is None)


@pytest.fixture
def machine(supervisor: SupervisorClient) -> int:
    """The first process of a PID namespace, without a network or mounts of its own."""
    spec = ProcessSpec(name="machine", argv=[sys.executable, "-c", MACHINE], place=Place.MACHINE, tells_ready=True)
    supervisor.start(spec)
    return pid_of(supervisor, "machine")


def pid_of(supervisor: SupervisorClient, name: str) -> int:
    status = supervisor.process(name)
    return status.pid if status else 0


def sleeper(name: str = "sleeper", seconds: str = "3600") -> ProcessSpec:
    return ProcessSpec(name=name, argv=["/bin/sleep", seconds], place=Place.DOOR)


def test_a_process_that_ends_is_started_again(supervisor: SupervisorClient, machine: int) -> None:
    assert machine
    supervisor.start(sleeper())
    first = pid_of(supervisor, "sleeper")
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: pid_of(supervisor, "sleeper") not in {0, first})
    status = supervisor.process("sleeper")
    assert status is not None
    assert (status.restarts, status.state) == (1, "running")


def test_the_same_process_is_started_once_and_another_one_takes_its_place(
    supervisor: SupervisorClient, machine: int
) -> None:
    assert machine
    assert supervisor.start(sleeper())
    first = pid_of(supervisor, "sleeper")
    assert not supervisor.start(sleeper())
    assert pid_of(supervisor, "sleeper") == first
    assert supervisor.start(sleeper(seconds="3601"))
    assert pid_of(supervisor, "sleeper") != first
    assert launch.identity(first) is None


def test_the_next_supervisor_takes_over_what_a_killed_one_left(supervisor: SupervisorClient, machine: int) -> None:
    supervisor.start(sleeper())
    before = {status.name: status.pid for status in supervisor.processes()}
    killed = supervisor.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: supervisor.pid() is None)
    assert supervisor.ensure() != killed
    assert {status.name: status.pid for status in supervisor.processes()} == before
    assert before["machine"] == machine
    os.kill(before["sleeper"], signal.SIGKILL)
    assert eventually(lambda: pid_of(supervisor, "sleeper") not in {0, before["sleeper"]})


def test_when_the_first_process_ends_all_of_its_namespace_ends(supervisor: SupervisorClient, machine: int) -> None:
    supervisor.start(sleeper())
    inside = pid_of(supervisor, "sleeper")
    os.kill(machine, signal.SIGKILL)
    assert eventually(lambda: launch.identity(inside) is None)
    with pytest.raises(InstanceError, match="the instance's namespaces are gone"):
        supervisor.start(sleeper("other"))


def test_a_first_process_that_ended_a_moment_ago_is_told_as_gone(tmp_path: Path) -> None:
    ended = subprocess.Popen(["/bin/sleep", "3600"])
    ended.kill()
    ended.wait()
    with pytest.raises(InstanceError, match="the instance's namespaces are gone"):
        launch.start(sleeper(), runtime=tmp_path, machine_pid=ended.pid, logs=tmp_path)


def test_a_supervisor_whose_machine_ended_can_start_another_one(supervisor: SupervisorClient, machine: int) -> None:
    supervisor.start(sleeper())
    os.kill(machine, signal.SIGKILL)
    assert eventually(lambda: pid_of(supervisor, "machine") == 0)
    spec = ProcessSpec(name="machine", argv=[sys.executable, "-c", MACHINE], place=Place.MACHINE, tells_ready=True)
    supervisor.start(spec)
    assert pid_of(supervisor, "machine") not in {0, machine}
    supervisor.start(sleeper())
    assert launch.identity(pid_of(supervisor, "sleeper")) is not None


def test_a_process_whose_supervisor_was_killed_while_starting_it_is_found(
    supervisor: SupervisorClient, machine: int
) -> None:
    assert machine
    supervisor.start(sleeper())
    sleeping, killed = pid_of(supervisor, "sleeper"), supervisor.pid()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: supervisor.pid() is None)
    # As it is written before the process is started, and the pid known.
    record = supervisor.runtime / "processes.json"
    content = json.loads(record.read_text())
    for entry in content["processes"]:
        if entry["spec"]["name"] == "sleeper":
            entry["pid"] = entry["started"] = 0
    record.write_text(json.dumps(content))
    supervisor.ensure()
    assert pid_of(supervisor, "sleeper") == sleeping


def test_a_process_that_keeps_ending_is_started_ever_later(supervisor: SupervisorClient, machine: int) -> None:
    assert machine
    supervisor.start(ProcessSpec(name="short", argv=["/bin/sh", "-c", "exit 3"], place=Place.DOOR))

    def restarts() -> int:
        status = supervisor.process("short")
        return status.restarts if status else 0

    assert eventually(lambda: restarts() >= 3)
    status = supervisor.process("short")
    assert status is not None
    assert status.exit_status == 3
    pauses = [daemon._pause(count) for count in range(12)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == daemon._LONGEST_WAIT


def test_stop_ends_a_process_that_does_not_listen(supervisor: SupervisorClient, machine: int) -> None:
    assert machine
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    spec = ProcessSpec(name="deaf", argv=[sys.executable, "-c", deaf], place=Place.DOOR, stop_seconds=0.5)
    supervisor.start(spec)
    pid = pid_of(supervisor, "deaf")
    supervisor.stop("deaf")
    assert launch.identity(pid) is None
    assert supervisor.process("deaf") is None


def test_a_program_that_is_not_there_is_an_error_that_names_its_log(supervisor: SupervisorClient, machine: int) -> None:
    assert machine
    spec = ProcessSpec(name="absent", argv=["/nowhere/absent"], place=Place.DOOR)
    with pytest.raises(InstanceError, match="absent could not be started") as refused:
        supervisor.start(spec)
    assert refused.value.remedy.endswith("absent.log")


def test_a_process_of_the_same_pid_that_is_another_one_is_not_signalled() -> None:
    own = launch.identity(os.getpid())
    assert own is not None
    assert not launch.signal_if_same(os.getpid(), own - 1, signal.SIGKILL)


def test_a_log_that_grew_large_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_LOG_BYTES", 10)
    log = tmp_path / "x.log"
    log.write_text("a" * 11)
    with launch._open_log(log):
        pass
    assert log.read_text() == ""
    assert (tmp_path / "x.log.1").read_text() == "a" * 11
