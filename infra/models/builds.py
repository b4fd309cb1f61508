"""The lock of local builds: which image `image: built` means. Written by `slipway build`, ignored by git."""

import json
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parents[2] / "stacks" / "models.built.json"


def read(lock: Path = LOCK) -> dict[str, str]:
    """Images by model; empty when nothing was built here."""
    return {name: str(entry["image"]) for name, entry in _entries(lock).items()}


def one_item(lock: Path = LOCK) -> dict[str, float]:
    """Milliseconds that each model took for one item alone when it was built, where that is known."""
    return {name: float(entry["one_ms"]) for name, entry in _entries(lock).items() if entry.get("one_ms")}


def _entries(lock: Path) -> dict[str, dict[str, Any]]:
    return dict(json.loads(lock.read_text())) if lock.exists() else {}
