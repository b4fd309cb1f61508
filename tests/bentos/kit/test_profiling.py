"""How long one item takes, for whoever builds a bento."""

import json
import os
import subprocess
import sys
from pathlib import Path

MODEL = """
import time
import msgspec


class Item(msgspec.Struct):
    number: float


class Sleeper:
    {example}

    def predict_batch(self, items: list[Item]) -> list[Item]:
        time.sleep(0.02)
        return items
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "slipway_kit.profiling", *arguments]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=60, check=False, env={**os.environ}
    )


def test_one_item_is_timed(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(MODEL.format(example="example = Item(1.0)"))
    done = run(tmp_path, "slow:Sleeper")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["one_ms"] >= 20


def test_without_an_example_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(MODEL.format(example="pass"))
    assert json.loads(run(tmp_path, "slow:Sleeper").stdout) == {}


def test_what_is_no_class_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, "nowhere:Sleeper")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no module nowhere" in done.stderr
