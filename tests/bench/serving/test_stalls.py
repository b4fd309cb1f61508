"""A server that is stopped again and again."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.bench.serving.stalls import stalled
from tests.live import eventually

_SECONDS = 30.0


@pytest.fixture
def server() -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def stands_still(server: psutil.Process) -> bool:
    return bool(server.status() == psutil.STATUS_STOPPED)


def interrupted(server: psutil.Process) -> None:
    with stalled([server]):
        assert eventually(lambda: stands_still(server), _SECONDS)
        raise KeyboardInterrupt


def test_it_stands_still_and_goes_on_and_runs_at_the_end(server: psutil.Process) -> None:
    with stalled([server]):
        for _ in range(3):
            assert eventually(lambda: stands_still(server), _SECONDS)
            assert eventually(lambda: not stands_still(server), _SECONDS)
    assert not stands_still(server)
    with pytest.raises(KeyboardInterrupt):
        interrupted(server)
    assert not stands_still(server)


def test_one_that_has_gone_is_passed_over(server: psutil.Process) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        gone = psutil.Process(process.pid)
    with stalled([gone, server]):
        assert eventually(lambda: stands_still(server), _SECONDS)
