"""From settings to specs."""

import pytest
import slipway_kit as kit

from infra.models.planning import MissingBuildError, ModelSpec, plan
from infra.settings import ExistingCluster, Settings

DIGEST = f"somewhere/digits@sha256:{'a' * 64}"


DEFAULTS = {
    "SLIPWAY_OBJECTIVE_MS": "100",
    "SLIPWAY_MAX_BATCH": "64",
    "SLIPWAY_CONCURRENCY": "1",
    "SLIPWAY_QUEUE_ITEMS": "1024",
    "SLIPWAY_QUEUE_BYTES": "67108864",
    "SLIPWAY_MAX_BODY_BYTES": "1048576",
}


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
            command=("python", "-m", "slipway_kit"),
            environment=DEFAULTS,
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


def test_what_a_stack_file_leaves_out_is_what_the_kit_takes() -> None:
    assert kit.Settings.from_environment(DEFAULTS) == kit.Settings()


def test_what_is_to_be_served_reaches_the_container() -> None:
    stack = settings(digits=DIGEST).model_dump(by_alias=True, exclude_unset=True)
    stack["slipway:models"]["digits"]["serving"] = {"objective": 250, "max-batch": 8, "queue-memory": "2Mi"}
    (spec,) = plan(Settings.model_validate(stack), {})
    told = kit.Settings.from_environment(spec.environment)
    assert (told.objective, told.max_batch, told.queue_bytes) == (0.25, 8, 2 << 20)


def test_a_bento_that_is_not_made_for_the_kit_runs_its_image_as_it_is() -> None:
    stack = settings(digits=DIGEST).model_dump(by_alias=True, exclude_unset=True)
    stack["slipway:models"]["digits"]["server"] = "bentoml"
    (spec,) = plan(Settings.model_validate(stack), {})
    assert (spec.command, spec.environment) == ((), {})


def test_models_run_in_the_namespace_that_the_stack_file_names() -> None:
    (usual,) = plan(settings(digits=DIGEST), {})
    named = settings(digits=DIGEST).model_copy(update={"cluster": ExistingCluster(context="x", namespace="team")})
    (elsewhere,) = plan(named, {})
    assert (usual.namespace, elsewhere.namespace) == ("models", "team")
