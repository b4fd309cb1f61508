"""The program as a whole, without an engine."""

import json
from pathlib import Path

import pytest
import yaml

from slipway.paths import REPOSITORY
from tests.infra import program
from tests.infra.settings.test_refusals import WRONG, as_engine, changed

GOLDEN = Path(__file__).parents[1] / "golden"
BUILT = {"digits": f"localhost/slipway/digits@sha256:{'0' * 64}"}
STACKS = sorted(file.name.split(".")[1] for file in (REPOSITORY / "stacks").glob("Pulumi.*.yaml"))


def config_of(stack: str) -> dict[str, str]:
    content = yaml.safe_load((REPOSITORY / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    return as_engine(content["config"])


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_registers_what_its_golden_file_says(stack: str, pytestconfig: pytest.Config) -> None:
    outcome = program.run(config_of(stack), stack=stack, built=BUILT)
    assert outcome.error == ""
    rendered = json.dumps(outcome.resources, indent=1, sort_keys=True) + "\n"
    file = GOLDEN / f"{stack}.json"
    if pytestconfig.getoption("--golden"):
        file.write_text(rendered)
    assert file.exists(), "run `make golden`"
    assert rendered == file.read_text(), "run `make golden` and review the difference"


def test_nothing_is_registered_for_a_wrong_stack_file() -> None:
    path, value, key, reason = WRONG["no replicas"]
    outcome = program.run(as_engine(changed(path, value)), stack="broken")
    assert outcome.resources == {}
    assert outcome.error.startswith("RunError: stacks/Pulumi.broken.yaml: 1 fault")
    assert key in outcome.error
    assert reason in outcome.error


def test_nothing_is_registered_when_an_image_was_never_built() -> None:
    outcome = program.run(config_of("local"), stack="local", built={})
    assert outcome.resources == {}
    assert outcome.error == ("RunError: image: built, but no build of digits is on record; run `slipway build digits`")
