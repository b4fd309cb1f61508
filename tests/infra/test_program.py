"""The program as a whole, without an engine."""

import json
from pathlib import Path

import pytest

from tests.infra import program
from tests.infra.graphs import STACKS, config_of, graph
from tests.infra.settings.stackfiles import VALID, as_engine, changed
from tests.infra.settings.test_refusals import SECRET, WRONG

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_registers_what_its_golden_file_says(stack: str, pytestconfig: pytest.Config) -> None:
    rendered = json.dumps(graph(stack), indent=1, sort_keys=True) + "\n"
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


def test_nothing_is_registered_when_the_engine_had_to_decrypt_a_setting() -> None:
    outcome = program.run(as_engine(VALID), stack="broken", secrets=["slipway:cluster"])
    assert outcome.resources == {}
    assert outcome.error == (
        "RunError: stacks/Pulumi.broken.yaml: 1 fault, nothing was changed\n"
        f"  stacks/Pulumi.broken.yaml: slipway:cluster: {SECRET}"
    )


def test_every_resource_of_the_cluster_is_made_with_its_provider_below_a_component() -> None:
    resources = graph("local")
    kubernetes = {name: of_it for name, of_it in resources.items() if of_it["type"].startswith("kubernetes:")}
    assert len(kubernetes) == 16
    assert {of_it["provider"] for of_it in kubernetes.values()} == {
        "slipway:foundation:ClusterAccess$pulumi:providers:kubernetes::cluster"
    }
    assert {of_it["parent"] for of_it in kubernetes.values()} == {
        "pulumi:pulumi:Stack$slipway:addons:Addon::envoy-gateway",
        "pulumi:pulumi:Stack$slipway:addons:ModelGateway::gateway",
        "pulumi:pulumi:Stack$slipway:models:ModelNamespace::models",
        "pulumi:pulumi:Stack$slipway:models:ModelService::digits",
    }


def test_nothing_is_registered_when_an_image_was_never_built() -> None:
    outcome = program.run(config_of("local"), stack="local", built={})
    assert outcome.resources == {}
    assert outcome.error == ("RunError: image: built, but no build of digits is on record; run `slipway build digits`")
