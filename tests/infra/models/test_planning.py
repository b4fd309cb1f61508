"""From settings to specs."""

import pytest

from infra.models.planning import MissingBuildError, ModelSpec, plan
from infra.settings import Settings

DIGEST = f"somewhere/digits@sha256:{'a' * 64}"


def settings(**images: str) -> Settings:
    models = {
        name: {"image": image, "replicas": 3, "resources": {"cpu": "500m", "memory": "512Mi"}}
        for name, image in images.items()
    }
    return Settings.model_validate({"slipway:cluster": {"context": "x"}, "slipway:models": models})


def test_a_model_is_planned_as_its_entry_says() -> None:
    assert plan(settings(digits=DIGEST), {}) == [
        ModelSpec(
            name="digits",
            namespace="models",
            image=DIGEST,
            replicas=3,
            cpu="500m",
            memory="512Mi",
            port=3000,
            user=1034,
        )
    ]


def test_built_means_what_the_lock_says() -> None:
    (spec,) = plan(settings(digits="built"), {"digits": DIGEST})
    assert spec.image == DIGEST


def test_all_missing_builds_are_told_at_once() -> None:
    with pytest.raises(MissingBuildError, match="run `slipway build a c`"):
        plan(settings(a="built", b=DIGEST, c="built"), {})


def test_the_selector_is_part_of_the_labels() -> None:
    (spec,) = plan(settings(digits=DIGEST), {})
    assert spec.selector.items() <= spec.labels.items()
