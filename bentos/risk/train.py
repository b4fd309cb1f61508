"""Trains the risk model and saves it in the BentoML model store, if it is good enough.

Run `python bentos/risk/train.py`. Below a gate nothing is saved, and the status is 1.
"""

import sys
import tempfile
from pathlib import Path

from risk.data import load
from risk.training import GateError, check, export, fit, fit_small, measure, quantize, save


def main() -> int:
    """Train, calibrate, measure, check, save."""
    split = load()
    calibrated = fit(split)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fit_small(split, folder / "linear.npz")
        export(calibrated, folder / "model.onnx")
        quantize(folder / "model.onnx", folder / "model.int8.onnx", split)
        metrics = measure(calibrated, folder, split)
        try:
            check(metrics)
        except GateError as error:
            print(error, file=sys.stderr)
            return 1
        model = save(calibrated, folder, metrics)
    print(f"saved {model.tag}: held-out accuracy {metrics.accuracy:.4f} on {metrics.held_out_cases} cases")
    return 0


if __name__ == "__main__":
    sys.exit(main())
