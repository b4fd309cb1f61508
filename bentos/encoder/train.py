"""Saves the benchmark's encoder in the BentoML model store. It trains nothing: the weights are seeded, and stay so."""

import sys
import tempfile
from pathlib import Path

import bentoml
import numpy as np
import torch
from encoder.export import export
from encoder.network import SEED, seeded
from encoder.runtime import OnnxRuntime, TorchRuntime
from encoder.shape import SEQUENCE, VOCABULARY

TOLERANCE = 1e-3
"""How far a logit of the exported network may be from torch's."""
CARD = f"""\
# encoder

A transformer encoder of 6 layers, width 384, 6 heads and 64 tokens with random weights (seed {SEED}). **Untrained**:
its labels mean nothing. It is a fixed, heavy load for benchmarks, as large as the small sentence encoders that are
served on processors.
"""


def main() -> int:
    """Make, export, compare, save."""
    network = seeded()
    tokens = np.random.default_rng(SEED).integers(0, VOCABULARY, (8, SEQUENCE))
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "model.onnx"
        export(network, exported)
        difference = np.abs(OnnxRuntime(exported).logits(tokens) - TorchRuntime(network, "cpu").logits(tokens)).max()
        if not difference <= TOLERANCE:
            print(f"the exported network is {difference:.2g} from torch's; nothing was saved", file=sys.stderr)
            return 1
        labels = {"framework": "torch", "task": "benchmark"}
        with bentoml.models.create("encoder", labels=labels, metadata={"seed": SEED, "trained": False}) as model:
            (Path(model.path) / "model.onnx").write_bytes(exported.read_bytes())
            torch.save(network.state_dict(), Path(model.path) / "weights.pt")
            (Path(model.path) / "MODEL_CARD.md").write_text(CARD)
    print(f"saved {model.tag}: untrained, {difference:.1e} from torch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
