"""The graphs of all stacks as they are in the repository, each made once for all tests."""

import functools
from collections.abc import Iterator
from typing import Any

import yaml

from slipway.paths import REPOSITORY
from tests.infra import program
from tests.infra.settings.stackfiles import as_engine

BUILT = {"digits": f"localhost/slipway/digits@sha256:{'0' * 64}"}
STACKS = sorted(file.name.split(".")[1] for file in (REPOSITORY / "stacks").glob("Pulumi.*.yaml"))
IN_AWS = [stack for stack in STACKS if stack != "local"]


def config_of(stack: str) -> dict[str, str]:
    """The configuration of a stack, as the engine gives it."""
    content = yaml.safe_load((REPOSITORY / "stacks" / f"Pulumi.{stack}.yaml").read_text())
    return as_engine(content["config"])


@functools.cache
def graph(stack: str) -> dict[str, dict[str, Any]]:
    """Every resource that a stack registers, by its name."""
    outcome = program.run(config_of(stack), stack=stack, built=BUILT)
    assert outcome.error == ""
    return outcome.resources


def of_type(stack: str, token: str) -> dict[str, dict[str, Any]]:
    """The inputs of a stack's resources of one type, by their Pulumi name."""
    return {
        name.rpartition("::")[2]: resource["inputs"]
        for name, resource in graph(stack).items()
        if resource["type"] == token
    }


def policies(stack: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy document of a stack, with the resource that has it."""
    for name, resource in graph(stack).items():
        for key, value in resource["inputs"].items():
            if key.lower().endswith("policy") and isinstance(value, dict) and "Statement" in value.get("JSON", {}):
                yield f"{name} {key}", value["JSON"]


def several(value: Any) -> list[Any]:
    """What a policy has once or several times, as a list."""
    return value if isinstance(value, list) else [value]
