"""Finds a saved model's files in BentoML's store, or in a built Bento, without importing BentoML.

The layout is BentoML's: `models/<name>/<version>/`, and `models/<name>/latest`, which names a version.
https://docs.bentoml.com/en/latest/build-with-bentoml/model-loading-and-management.html
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class StoreError(Exception):
    """The store has no such model; it says where was looked, and what is there."""


def folder_of(tag: str, environment: Mapping[str, str]) -> Path:
    """The folder of a model.

    Args:
        tag: `name:version`, where `latest` is a version, too, and the one that is meant without.
        environment: BENTO_PATH is where a built Bento is; BENTOML_HOME is where the store is, otherwise `~/bentoml`.

    Raises:
        StoreError: There is none.
    """
    name, _, version = tag.lower().partition(":")
    home = Path(environment.get("BENTOML_HOME") or Path(environment.get("HOME", "/")) / "bentoml")
    places = [Path(environment["BENTO_PATH"])] if environment.get("BENTO_PATH") else []
    looked = [place / "models" / name for place in (*places, home)]
    for models in looked:
        latest = models / "latest"
        is_latest = version in ("", "latest")
        if is_latest and not latest.is_file():
            continue
        folder = models / (latest.read_text().strip() if is_latest else version)
        if folder.is_dir():
            return folder
    there = sorted(each.name for models in looked if models.is_dir() for each in models.iterdir() if each.is_dir())
    has = f"; there are the versions {', '.join(there)}" if there else ""
    raise StoreError(
        f"there is no model {tag} in {' or '.join(map(str, looked))}{has}: save it first (`train.py` does)"
    )
