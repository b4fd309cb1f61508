"""`up` after anything ends in a working environment that has lost nothing; `down` after anything leaves nothing."""

import random
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.paths import REPOSITORY
from tests.drills.interrupted import COMMAND
from tests.drills.patient import PROCESSES, SUPERVISOR, Patient, kill, left_by
from tests.live import until
from tests.snapshot import Snapshot

pytestmark = pytest.mark.drill
SEED = 20261122


@pytest.fixture(scope="module")
def patient() -> Iterator[Patient]:
    """An instance that is up, with marks in it."""
    before = Snapshot.take()
    made = Patient(f"drill-{secrets.token_hex(3)}")
    made.run("up")
    made.remember()
    yield made
    made.run("down")
    assert left_by(made, before) == {}


@pytest.mark.parametrize("victim", PROCESSES)
def test_a_killed_process_comes_back_and_the_others_stay(victim: str, patient: Patient) -> None:
    before, pods = patient.pids(), patient.pod_pids()
    kill(before[victim])
    patient.run("up")
    after = patient.pids()
    changed = {name for name in PROCESSES if after[name] != before[name]}
    # All others are in the namespaces that end with their first process.
    assert changed == (set(PROCESSES) - {SUPERVISOR} if victim == "machine" else {victim})
    if victim != "machine":
        assert pods <= patient.pod_pids()
    patient.assert_well()


def test_a_killed_model_comes_back(patient: Patient) -> None:
    before, pods = patient.pids(), patient.pod_pids()
    for pid in pods:
        if "bentoml" in Path(f"/proc/{pid}/cmdline").read_text():
            kill(pid)
    until(lambda: patient.pod_pids() != pods, "the model to end")
    patient.run("up")
    assert patient.pids() == before
    patient.assert_well()


def test_a_reboot_loses_nothing(patient: Patient) -> None:
    patient.reboot()
    assert patient.pids() == {}
    patient.run("up")
    patient.assert_well()


UP = (
    "this machine",
    "this kernel",
    "namespaces and network",
    "keys and certificates",
    "AWS endpoint",
    "control plane",
    "node",
    "image of digits",
    "pulumi up",
    "first answer",
)
DOWN = ("processes", "cgroups and files")
# About how long each phase takes from nothing; a blow falls somewhere in it.
SECONDS = {"namespaces and network": 0.3, "keys and certificates": 1, "control plane": 5, "node": 7}
SECONDS |= {"image of digits": 7, "pulumi up": 9, "first answer": 0.2, "processes": 1.5, "cgroups and files": 0.3}


@pytest.mark.parametrize("turn", range(len(UP)))
def test_whatever_is_killed_in_up_and_down_the_next_ones_heal_and_leave_nothing(turn: int) -> None:
    chance = random.Random(SEED + turn)  # noqa: S311  # a seed, so that a blow can be repeated
    before = Snapshot.take()
    patient = Patient(f"drill-{secrets.token_hex(3)}")
    try:
        struck = _interrupted(patient, "up", UP[turn], chance)
        patient.run("up")
        patient.assert_answers()
        patient.remember()
        struck += _interrupted(patient, "down", DOWN[turn % len(DOWN)], chance)
        patient.run("up")
        patient.assert_answers()
    finally:
        patient.run("down")
    assert left_by(patient, before) == {}, struck
    assert not patient.instance.exists()


def _interrupted(patient: Patient, command: str, phase: str, chance: random.Random) -> list[str]:
    """Run a command with a blow in a phase of it; returns what was struck, where and when."""
    seconds = round(chance.uniform(0, SECONDS.get(phase, 0)), 2)
    # What runs by then can be struck: later processes are not there in earlier phases, and then nothing is.
    victim = chance.choice((COMMAND, COMMAND, SUPERVISOR, chance.choice(PROCESSES)))
    if phase in {*UP[:2], DOWN[-1]}:
        victim = COMMAND
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.drills.interrupted", phase, str(seconds), victim),
            *(command, "local", "--as", patient.name),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=300,
        check=False,
    )
    assert f"· {phase}" in done.stderr, done.stderr[-2000:]
    if victim == COMMAND:
        assert done.returncode == -9, done.stderr[-2000:]
    return [f"{victim} in {phase!r} of {command} after {seconds} s: {done.returncode}"]
