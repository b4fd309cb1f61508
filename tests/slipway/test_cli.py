"""The command line: help with examples, faults without tracebacks, results as JSON."""

import json
import os
import subprocess

import pytest

from slipway.paths import REPOSITORY
from tests.live import SLIPWAY, Live


def slipway(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SLIPWAY, *words], capture_output=True, text=True, cwd=REPOSITORY, timeout=120, check=False, env=env
    )


@pytest.mark.parametrize("command", ["up", "down", "env", "build"])
def test_help_shows_examples(command: str) -> None:
    done = slipway(command, "--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    assert f"slipway {command}" in done.stdout


def test_an_unknown_stack_is_an_error_that_lists_those_there_are() -> None:
    done = slipway("up", "nowhere")
    assert done.returncode == 1
    assert "there is no stack 'nowhere'; stacks/ has dev, local, prod, shared, staging" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_bento_is_an_error_that_lists_those_there_are() -> None:
    done = slipway("build", "nothing")
    assert done.returncode == 1
    assert "bentos/ has digits" in done.stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("digits", "--push"), "no AWS account is at hand"),
        (("digits", "--push", "--stack", "dev"), "stacks/Pulumi.dev.yaml has no slipway:registry"),
        (("nothing", "--push"), "there is no bento 'nothing'"),
    ],
)
def test_what_cannot_be_pushed_is_not_built(words: tuple[str, ...], what: str) -> None:
    nobody = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), "/dev/null")
    done = slipway("build", *words, env={**nobody, **nowhere, "AWS_EC2_METADATA_DISABLED": "true"})
    assert done.returncode == 1
    assert what in done.stderr
    assert "Traceback" not in done.stderr
    assert "bentoml" not in done.stderr
    assert done.stdout == ""


def test_down_of_nothing_is_no_fault() -> None:
    done = slipway("down", "local", "--as", "test-nothing")
    assert done.returncode == 0
    assert "nothing of test-nothing is on this machine" in done.stderr


def test_engines_are_listed_as_json() -> None:
    rows = {row["name"]: row for row in json.loads(slipway("engines", "list", "--json").stdout)}
    assert rows["etcd"]["purpose"] == "the cluster's store"
    assert {"kubelet", "containerd", "pulumi", "buildah"} <= set(rows)


def test_processes_and_logs_of_an_instance_can_be_seen(live: Live) -> None:
    processes = {row["name"]: row for row in json.loads(slipway("ps", "--json").stdout)[live.name]}
    assert processes["etcd"]["state"] == "running"
    assert processes["etcd"]["restarts"] == 0
    assert live.name in slipway("ps").stdout
    assert "etcd" in slipway("logs", "etcd", "local", "--as", live.name).stdout
    absent = slipway("logs", "nothing", "local", "--as", live.name)
    assert absent.returncode == 1
    assert "etcd" in absent.stderr
