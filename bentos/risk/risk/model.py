"""What is served: the risk of one case an item. What the model is unsure of, people look at."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from risk.features import FEATURES, Case
from risk.runtime import Linear, OnnxRuntime, model_file


class Risk(msgspec.Struct):
    """What is known of a case."""

    probability: float
    """Of being malignant; calibrated, so that of cases at 0.8 about eight in ten were."""
    malignant: bool
    """Whether that is the likelier."""


class RiskModel:
    """Says how likely a tumour is malignant. For demonstration: no medical device, and not to be used as one."""

    model = "risk:latest"
    example = Case(*[1.0] * len(FEATURES))

    def load(self, folder: Path) -> None:
        """Load the model in the runtime that RISK_RUNTIME names, and the small one."""
        self._runtime = OnnxRuntime(model_file(folder, os.environ.get("RISK_RUNTIME", "onnx")))
        self._small = Linear(folder / "linear.npz")

    def predict_batch(self, items: list[Case]) -> list[Risk]:
        """Judge every case."""
        return _risks(self._runtime.probabilities(_rows(items)))

    def predict_fallback(self, items: list[Case]) -> list[Risk]:
        """The same by the small model, while the large one fails."""
        return _risks(self._small.probabilities(_rows(items)))

    def confidence(self, output: Risk) -> float:
        """Of the class that was named: from 0.5 to 1."""
        return max(output.probability, 1 - output.probability)


def _rows(items: list[Case]) -> NDArray[np.float32]:
    return np.array([msgspec.structs.astuple(item) for item in items], dtype=np.float32)


def _risks(probabilities: NDArray[np.float32]) -> list[Risk]:
    return [Risk(probability, probability >= 0.5) for probability in probabilities.tolist()]
