"""An instance of ordinary processes heals as one with a node does, and stands beside one."""

import secrets
from collections.abc import Iterator

import pytest

from slipway.embedded.processes.pods import PREFIX
from tests.drills.patient import SUPERVISOR, WITHOUT_A_NODE, Patient, kill, left_by
from tests.snapshot import Snapshot

pytestmark = pytest.mark.drill


@pytest.fixture(scope="module")
def patient() -> Iterator[Patient]:
    """An instance that is up, with marks in it."""
    before = Snapshot.take()
    made = Patient(f"drill-{secrets.token_hex(3)}", ("--mode", "processes"))
    made.run("up")
    made.remember()
    yield made
    made.run("down")
    assert left_by(made, before) == {}


@pytest.mark.parametrize("victim", WITHOUT_A_NODE)
def test_a_killed_process_comes_back_and_the_others_stay(victim: str, patient: Patient) -> None:
    before = patient.pids()
    kill(before[victim])
    patient.run("up")
    after = patient.pids()
    assert {name for name in before if after[name] != before[name]} == {victim}
    patient.assert_well()


def test_a_reboot_loses_nothing(patient: Patient) -> None:
    patient.reboot()
    patient.run("up")
    patient.assert_well()


def test_supervisor_and_model_killed_at_once_come_back(patient: Patient) -> None:
    pids = patient.pids()
    (model,) = (name for name in pids if name.startswith(PREFIX))
    for name in (SUPERVISOR, model):
        kill(pids[name])
    patient.run("up")
    patient.assert_well()


def test_another_instance_of_processes_stands_beside_it(patient: Patient) -> None:
    other = Patient(f"drill-{secrets.token_hex(3)}", ("--mode", "processes"))
    try:
        other.run("up")
        other.remember()
        other.assert_well()
        assert other.instance.network != patient.instance.network
    finally:
        other.run("down")
    patient.assert_well()
