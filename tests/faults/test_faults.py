"""Breaks the plugin on purpose: a test that cannot fail proves nothing. Run by `make faults`."""

import os
import subprocess
import sys

import pytest

from slipway.paths import REPOSITORY
from tests.conftest import FAULT, INSTANCE
from tests.faults.catalog import FAULTS, node_id
from tests.live import Live


@pytest.mark.faults
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_the_test_that_is_there_to_notice(fault: str, live: Live) -> None:
    env = {**os.environ, INSTANCE: live.name, FAULT: fault}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", node_id(fault)],
        env=env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    # Status 1: tests ran and failed. Anything else is a fault of the test itself.
    assert done.returncode == 1, done.stdout[-3000:]
    assert "1 failed" in done.stdout, done.stdout[-3000:]


@pytest.mark.faults
def test_unbroken_the_same_tests_pass(live: Live) -> None:
    env = {**os.environ, INSTANCE: live.name}
    tests = sorted({node_id(fault) for fault in FAULTS})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *tests],
        env=env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
