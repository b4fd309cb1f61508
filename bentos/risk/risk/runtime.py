"""What answers: the exported model under ONNX Runtime, and a far smaller one beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from slipway_kit import onnx

INPUT, OUTPUT = "features", "probability"
"""Of the exported model."""


class OnnxRuntime:
    """The exported model, on one core.

    Args:
        path: `model.onnx`, or `model.int8.onnx`.
    """

    def __init__(self, path: Path) -> None:
        """Load the model."""
        self._session = onnx.session(path)

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities `(n,)` of being malignant, of cases `(n, 30)`."""
        answer: NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: features})[0]
        return answer


class Linear:
    """A logistic regression: what answers while the network cannot.

    Args:
        path: `linear.npz`, with `weights` `(30,)` and `bias` of the unscaled features.
    """

    def __init__(self, path: Path) -> None:
        """Load the weights."""
        with np.load(path) as file:
            self._weights, self._bias = file["weights"], file["bias"]

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """As those of the network."""
        answer: NDArray[np.float32] = 1 / (1 + np.exp(-(features @ self._weights + self._bias)))
        return answer


def model_file(folder: Path, runtime: str) -> Path:
    """The file that a runtime loads.

    Raises:
        ValueError: There is no such runtime.
    """
    files = {"onnx": "model.onnx", "int8": "model.int8.onnx"}
    if runtime not in files:
        raise ValueError(f"RISK_RUNTIME is {runtime!r}; `onnx` (the default) and `int8` exist")
    return folder / files[runtime]
