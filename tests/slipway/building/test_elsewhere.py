"""What the endpoint of an environment is told of registries that are not in it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

from infra.settings import Settings
from slipway import paths
from slipway.building import bento
from slipway.building.archive import Archive
from slipway.building.elsewhere import held_elsewhere
from tests.slipway.building.archives import build

SHARED, DEV = "111122223333", "222233334444"
REGISTRY = f"{SHARED}.dkr.ecr.us-east-1.amazonaws.com"


def settings(images: Mapping[str, str]) -> Settings:
    models = {name: {"image": image, "resources": {"cpu": "1", "memory": "1Gi"}} for name, image in images.items()}
    return Settings.model_validate({"slipway:cluster": {"context": "x"}, "slipway:models": models})


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bento.Build:
    """A build in a cache of the test's own; beside it, what an older version and a build that was cut short left."""
    monkeypatch.setattr(paths, "cache", lambda: tmp_path)
    folder = tmp_path / "images" / "digits"
    made = build(folder / "new", b"layer")
    old = {name: value for name, value in asdict(made).items() if name != "one_ms"}
    (folder / "new" / "build.json").write_text(json.dumps({**old, "bento": "digits:abc"}))
    (folder / "gone").mkdir()
    (folder / "gone" / "build.json").write_text(json.dumps({**asdict(made), "image": f"x@sha256:{'0' * 64}"}))
    (folder / ".cut.partial").mkdir()
    (folder / ".cut.partial" / "build.json").write_text("{")
    return made


def test_an_image_that_was_built_here_counts_as_pushed(built: bento.Build) -> None:
    reference = f"{REGISTRY}/digits@{built.image.partition('@')[2]}"
    manifest = Archive(Path(built.archive)).manifest()
    told = held_elsewhere(settings({"digits": reference}), account=DEV)
    assert told == {reference: {"tag": built.source, "manifest": manifest}}


def test_everything_else_does_not(built: bento.Build) -> None:
    digest = built.image.partition("@")[2]
    images = {
        "never": f"{REGISTRY}/digits@sha256:{'1' * 64}",
        "gone": f"{REGISTRY}/digits@sha256:{'0' * 64}",
        "other": f"{REGISTRY}/other@{digest}",
        "here": built.image,
        "built": "built",
        "own": f"{DEV}.dkr.ecr.us-east-1.amazonaws.com/digits@{digest}",
    }
    assert held_elsewhere(settings(images), account=DEV) == {}
