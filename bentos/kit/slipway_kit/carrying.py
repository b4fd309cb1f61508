"""Puts the kit's wheel into a Bento, so that `bentoml build bentos/<name>` needs no step before it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

_KIT = Path(__file__).resolve().parents[1]
FOLDER = "wheels"
"""Below a bento's own folder; BentoML copies it, and resolves `./wheels/…` in requirements from there."""


def requirement(bento: Path) -> str:
    """The line of the bento's requirements that installs the kit.

    Args:
        bento: The bento's folder. Where the kit's sources are at hand, its wheel is made there; in a built Bento it is
            there already.

    Raises:
        FileNotFoundError: There are neither sources nor a wheel.
    """
    folder = bento / FOLDER
    if (_KIT / "pyproject.toml").is_file():
        _make(folder)
    wheels = sorted(folder.glob("slipway_kit-*.whl"))
    if not wheels:
        raise FileNotFoundError(f"there is no wheel of slipway-kit in {folder}, and {_KIT} has not its sources")
    digest = hashlib.sha256(wheels[-1].read_bytes()).hexdigest()
    return f"./{FOLDER}/{wheels[-1].name} --hash=sha256:{digest}"


def _make(folder: Path) -> None:
    """Make the wheel, unless none of its sources is newer; the same sources make the same bytes."""
    newest = max(each.stat().st_mtime for each in (_KIT / "pyproject.toml", *(_KIT / "slipway_kit").rglob("*.py")))
    made = sorted(folder.glob("slipway_kit-*.whl"))
    if made and made[-1].stat().st_mtime > newest:
        return
    for old in made:
        old.unlink()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder.resolve())]
    done = subprocess.run(build, cwd=_KIT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the wheel of slipway-kit could not be made:\n{done.stdout}{done.stderr}")
