"""Trains the digits model and saves it in the BentoML model store, if it is good enough.

Run `python bentos/digits/train.py`. Below the accuracy gate nothing is saved, and the status is 1.
"""

import sys
import tempfile
from pathlib import Path

from digits.data import load
from digits.training import GateError, check, export, fit, measure, quantize, save


def main() -> int:
    """Train, measure, check, save."""
    split = load()
    network = fit(split)
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "model.onnx"
        quantized = Path(folder) / "model.int8.onnx"
        export(network, exported)
        quantize(exported, quantized, split)
        metrics = measure(network, exported, quantized, split)
        try:
            check(metrics)
        except GateError as error:
            print(error, file=sys.stderr)
            return 1
        model = save(network, exported, quantized, metrics)
    print(f"saved {model.tag}: held-out accuracy {metrics.accuracy:.4f} on {metrics.held_out_images} images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
