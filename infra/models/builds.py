"""The lock of local builds: which image `image: built` means. Written by `slipway build`, ignored by git."""

import json
import os
from pathlib import Path
from typing import Any

VARIABLE = "SLIPWAY_BUILDS"
"""Names another lock beside the usual one, or anywhere by its path, for a cluster that takes other images."""
IMAGES = "models.built.json"
"""The lock of images."""
UNPACKED = "unpacked.built.json"
"""The lock of builds that are no images: an instance without a node takes those."""
LOCK = Path(__file__).resolve().parents[2] / "stacks" / os.environ.get(VARIABLE, IMAGES)


def read(lock: Path = LOCK) -> dict[str, str]:
    """Images by model; empty when nothing was built here."""
    return {name: str(entry["image"]) for name, entry in _entries(lock).items()}


def one_item(lock: Path = LOCK) -> dict[str, float]:
    """Milliseconds that each model took for one item alone when it was built, where that is known."""
    return {name: float(entry["one_ms"]) for name, entry in _entries(lock).items() if entry.get("one_ms")}


def _entries(lock: Path) -> dict[str, dict[str, Any]]:
    return dict(json.loads(lock.read_text())) if lock.exists() else {}
