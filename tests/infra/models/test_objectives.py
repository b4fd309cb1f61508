"""Objectives that no request can meet."""

from typing import Any

from infra.models.objectives import findings
from infra.settings import Settings

BASE: dict[str, Any] = {"resources": {"cpu": 1, "memory": "1Gi"}, "serving": {"objective": 50}}
PUSHED = f"somewhere/b@sha256:{'0' * 64}"


def found(took: dict[str, float], **models: dict[str, Any]) -> list[str]:
    settings = Settings.model_validate({"slipway:models": {name: {**BASE, **model} for name, model in models.items()}})
    return [each.where[2] for each in findings(settings, took)]  # type: ignore[misc]


def test_only_what_was_built_here_and_takes_too_long_is_told() -> None:
    built = {"image": "built"}
    assert found({"a": 50.1}, a=built) == ["a"]
    assert found({"a": 49.9}, a=built) == []
    assert found({}, a=built) == []
    assert found({"a": 50.1}, a={"image": PUSHED}) == [], "another machine built it"
    assert found({"a": 60.0, "b": 70.0}, a=built, b=built) == ["a", "b"]
