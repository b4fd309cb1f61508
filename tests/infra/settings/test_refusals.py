"""What a stack file may not say: every fault has its key, its line, and what would be accepted."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings import SettingsError, load, load_file

VALID: dict[str, Any] = {
    "slipway:cluster": {"context": "somewhere"},
    "slipway:models": {
        "digits": {
            "image": f"digits@sha256:{'0' * 64}",
            "replicas": 2,
            "resources": {"cpu": "500m", "memory": "512Mi"},
        }
    },
}
DIGITS = "slipway:models.digits"

# A change to the valid file (a path and a value; no value takes the key away), the key it is blamed on, what is said.
WRONG: dict[str, tuple[tuple[str, ...], Any, str, str]] = {
    "no cluster": (("slipway:cluster",), None, "slipway:cluster", "is missing"),
    "cluster without context": (("slipway:cluster", "context"), None, "slipway:cluster.context", "is missing"),
    "empty context": (("slipway:cluster", "context"), "", "slipway:cluster.context", "at least 1 character"),
    "unknown section": (("slipway:modles",), {}, "slipway:modles", "the keys here are cluster, models"),
    "unknown key in a section": (
        ("slipway:cluster", "contxt"),
        "x",
        "slipway:cluster.contxt",
        "the keys here are context",
    ),
    "unknown key of a model": (
        ("slipway:models", "digits", "replica"),
        1,
        f"{DIGITS}.replica",
        "the keys here are image, replicas, resources",
    ),
    "models as a list": (("slipway:models",), ["digits"], "slipway:models", "a map is expected"),
    "model as a text": (
        ("slipway:models", "digits"),
        "built",
        DIGITS,
        "a map is expected, with the keys here are image",
    ),
    "model without image": (("slipway:models", "digits", "image"), None, f"{DIGITS}.image", "is missing"),
    "image by tag": (
        ("slipway:models", "digits", "image"),
        "digits:latest",
        f"{DIGITS}.image",
        "a tag may mean another",
    ),
    "image with a short digest": (
        ("slipway:models", "digits", "image"),
        "digits@sha256:abc",
        f"{DIGITS}.image",
        "`name@sha256:…` (64 hex digits), or `built`",
    ),
    "image as a number": (("slipway:models", "digits", "image"), 7, f"{DIGITS}.image", "valid string"),
    "no replicas": (("slipway:models", "digits", "replicas"), 0, f"{DIGITS}.replicas", "greater than or equal to 1"),
    "too many replicas": (
        ("slipway:models", "digits", "replicas"),
        9999,
        f"{DIGITS}.replicas",
        "less than or equal to 200",
    ),
    "replicas in words": (("slipway:models", "digits", "replicas"), "two", f"{DIGITS}.replicas", "valid integer"),
    "half a replica": (("slipway:models", "digits", "replicas"), 1.5, f"{DIGITS}.replicas", "valid integer"),
    "no resources": (("slipway:models", "digits", "resources"), None, f"{DIGITS}.resources", "is missing"),
    "no memory": (
        ("slipway:models", "digits", "resources", "memory"),
        None,
        f"{DIGITS}.resources.memory",
        "is missing",
    ),
    "memory without a unit": (
        ("slipway:models", "digits", "resources", "memory"),
        512,
        f"{DIGITS}.resources.memory",
        "64Mi or more",
    ),
    "memory in no unit of Kubernetes": (
        ("slipway:models", "digits", "resources", "memory"),
        "1GB",
        f"{DIGITS}.resources.memory",
        "write it with a unit, such as `512Mi`",
    ),
    "processors in words": (
        ("slipway:models", "digits", "resources", "cpu"),
        "one",
        f"{DIGITS}.resources.cpu",
        "write cores (`2`, `0.5`) or thousandths (`500m`)",
    ),
    "no processor": (("slipway:models", "digits", "resources", "cpu"), "0", f"{DIGITS}.resources.cpu", "not an amount"),
    "name with capitals": (("slipway:models", "Digits"), {}, "slipway:models.Digits", "lower-case letters"),
    "name beginning with a digit": (("slipway:models", "9s"), {}, "slipway:models.9s", "a letter first"),
}


def changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(json.dumps(VALID))
    at: Any = config
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return config


def as_engine(config: dict[str, Any]) -> dict[str, str]:
    """How the engine hands configuration to a program: structures as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def test_the_valid_file_is_accepted() -> None:
    settings = load(as_engine(VALID), stack="x")
    assert settings.models["digits"].replicas == 2
    assert settings.models["digits"].resources.cpu == "500m"


def test_keys_of_others_are_left_alone() -> None:
    assert load({**as_engine(VALID), "aws:region": "us-east-1"}, stack="x") == load(as_engine(VALID), stack="x")


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_stack_file_is_refused_with_key_and_reason(name: str, tmp_path: Path) -> None:
    path, value, key, reason = WRONG[name]
    config = changed(path, value)
    with pytest.raises(SettingsError) as refused:
        load(as_engine(config), stack="broken")
    faults = {fault.key: fault.what for fault in refused.value.faults}
    assert key in faults
    assert reason in faults[key]
    assert str(refused.value).startswith("stacks/Pulumi.broken.yaml: ")
    file = tmp_path / "Pulumi.broken.yaml"
    file.write_text(yaml.safe_dump({"config": config}))
    with pytest.raises(SettingsError) as refused:
        load_file(file)
    assert {fault.key: fault.what for fault in refused.value.faults} == faults


def test_all_faults_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.broken.yaml"
    file.write_text(
        """\
config:
  slipway:cluster: {context: here}
  slipway:models:
    digits:
      image: digits:latest
      replicas: 0
      resources:
        cpu: lots
"""
    )
    with pytest.raises(SettingsError) as refused:
        load_file(file)
    assert [(fault.key, fault.line) for fault in refused.value.faults] == [
        (f"{DIGITS}.image", 5),
        (f"{DIGITS}.replicas", 6),
        (f"{DIGITS}.resources.cpu", 8),
        (f"{DIGITS}.resources.memory", 7),
    ]
    assert "4 faults, nothing was changed" in str(refused.value)
    assert "stacks/Pulumi.broken.yaml:6: slipway:models.digits.replicas: is 0" in str(refused.value)


@pytest.mark.parametrize("text", ["", "config:\n", "- a list\n", "config: [1]\n"])
def test_a_file_without_configuration_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.broken.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match="a map with the key `config`"):
        load_file(file)


def test_a_file_that_is_not_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.broken.yaml"
    file.write_text("config:\n  a: [1\n  b: 2\n")
    with pytest.raises(SettingsError, match=r"Pulumi\.broken\.yaml:3: .*not YAML"):
        load_file(file)
