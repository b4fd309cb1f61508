"""The supervisor where there are no namespaces: what it starts there it keeps, and ends when it is told."""

import os
import signal
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
