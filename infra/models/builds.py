"""The lock of local builds: which image `image: built` means. Written by `slipway build`, ignored by git."""

import json
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "stacks" / "models.built.json"


def read(lock: Path = LOCK) -> dict[str, str]:
    """Images by model; empty when nothing was built here."""
    if not lock.exists():
        return {}
    return {name: str(entry["image"]) for name, entry in json.loads(lock.read_text()).items()}
