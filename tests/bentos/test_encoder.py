"""The benchmark's encoder: the same on every machine. That what is exported computes the same, `train.py` sees to.

Torch is loaded by the tests that run, not by every worker that looks for tests.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

from slipway.paths import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "bentos" / "encoder"))

TOKENS = np.random.default_rng(1).integers(0, 1000, (3, 64))


def test_torch_itself_loads_what_was_saved(tmp_path: Path) -> None:
    import torch
    from encoder.network import seeded
    from encoder.runtime import TorchRuntime, load

    torch.save(seeded().state_dict(), tmp_path / "weights.pt")
    loaded = load(tmp_path, "torch").logits(TOKENS)
    assert np.abs(loaded - TorchRuntime(seeded(), "cpu").logits(TOKENS)).max() < 1e-3


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a GPU")
def test_what_needs_a_gpu_does_not_go_on_without() -> None:
    from encoder.runtime import load

    with pytest.raises((RuntimeError, AssertionError), match=r"NVIDIA|CUDA"):
        load(Path("/nowhere"), "cuda")


def test_an_unknown_runtime_is_refused() -> None:
    from encoder.runtime import load

    with pytest.raises(ValueError, match=r"`onnx` \(the default\), `torch` and `cuda` exist"):
        load(Path("/nowhere"), "tensorflow")
