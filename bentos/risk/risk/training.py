"""Training, calibrating, exporting, measuring and saving the risk model. Needs torch; never part of an image."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import bentoml
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from slipway_kit import exporting
from torch import nn

from risk.data import FOR_CALIBRATION, HELD_OUT, SEED, Part, Split
from risk.features import FEATURES
from risk.network import Calibrated, RiskNetwork
from risk.runtime import INPUT, OUTPUT, Linear, OnnxRuntime

GATE = 0.93
"""The least held-out accuracy with which a model may exist: one that is right in 97 of 100 stays above it in 99% of
such small samples."""
SMALL_GATE = 0.93
"""The same of the small model, which stands in for it."""
CALIBRATION_GATE = 0.05
"""The largest expected calibration error."""
INT8_LOSS = 0.01
"""Accuracy that the variant with 8-bit integers may lose."""
TOLERANCE = 1e-4
"""How far the exported model's probabilities may be from torch's, at most, over the held-out cases."""
EPOCHS, WEIGHT_DECAY = 300, 0.03
"""Best of 24 combinations by cross-validation on what is not held out."""
_BINS = 5
"""Of probabilities, for the calibration error: with 143 cases, more would be nearly empty."""


@dataclass(frozen=True)
class Metrics:
    """What was measured on the held-out cases.

    Attributes:
        accuracy: Share of right answers.
        roc_auc: Area under the curve of true over false positives.
        brier: Mean squared error of the probability.
        calibration_error: Expected calibration error: between what was said and how often it was so.
        uncalibrated_error: The same without the temperature.
        temperature: What logits are divided by.
        export_difference: Largest difference of a probability between torch and the exported model.
        int8_accuracy: Share of right answers of the variant with 8-bit integers.
        small_accuracy: The same of the small model.
        held_out_cases: How many cases this was measured on.
    """

    accuracy: float
    roc_auc: float
    brier: float
    calibration_error: float
    uncalibrated_error: float
    temperature: float
    export_difference: float
    int8_accuracy: float
    small_accuracy: float
    held_out_cases: int


class GateError(Exception):
    """The model is not good enough to be saved."""


def fit(split: Split, *, epochs: int = EPOCHS) -> Calibrated:
    """Train from fixed seeds, then find the temperature on cases that were not trained with."""
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(mode=True)
    features, labels = _tensors(split.train)
    network = RiskNetwork(features.mean(dim=0), features.std(dim=0))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2, weight_decay=WEIGHT_DECAY)
    network.train()
    for _ in range(epochs):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(features), labels).backward()
        optimizer.step()
    return Calibrated(network.eval(), _temperature(network, split.calibration)).eval()


def fit_small(split: Split, path: Path) -> None:
    """Fit the logistic regression, and write it for features as they are."""
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, random_state=SEED))
    fitted.fit(split.train.features, split.train.malignant)
    scaler, regression = fitted[0], fitted[-1]
    weights = regression.coef_[0] / scaler.scale_
    bias = regression.intercept_[0] - float(scaler.mean_ @ weights)
    np.savez(path, weights=weights.astype(np.float32), bias=np.float32(bias))


def export(calibrated: Calibrated, path: Path) -> None:
    """Write the network with its calibration as ONNX."""
    exporting.export(calibrated, torch.zeros(2, len(FEATURES)), path, given=INPUT, told=OUTPUT)


def quantize(exported: Path, path: Path, split: Split) -> None:
    """Write the exported network with 8-bit integers."""
    exporting.quantize(exported, path, split.train.features, given=INPUT)


def measure(calibrated: Calibrated, folder: Path, split: Split) -> Metrics:
    """Measure what serves, `model.onnx` and its variants in a folder, on the held-out cases."""
    features, malignant = split.held_out.features, split.held_out.malignant
    said = OnnxRuntime(folder / "model.onnx").probabilities(features)
    with torch.no_grad():
        by_torch = calibrated(torch.from_numpy(features)).numpy()
        uncalibrated = torch.sigmoid(calibrated.network(torch.from_numpy(features))).numpy()
    return Metrics(
        accuracy=_accuracy(said, malignant),
        roc_auc=float(roc_auc_score(malignant, said)),
        brier=float(brier_score_loss(malignant, said)),
        calibration_error=calibration_error(said, malignant),
        uncalibrated_error=calibration_error(uncalibrated, malignant),
        temperature=calibrated.temperature,
        export_difference=float(np.abs(said - by_torch).max()),
        int8_accuracy=_accuracy(OnnxRuntime(folder / "model.int8.onnx").probabilities(features), malignant),
        small_accuracy=_accuracy(Linear(folder / "linear.npz").probabilities(features), malignant),
        held_out_cases=len(malignant),
    )


def calibration_error(said: NDArray[np.float32], malignant: NDArray[np.float32]) -> float:
    """Mean distance of what was said from how often it was so, over bins of equal width (Naeini et al., AAAI 2015)."""
    bins = np.minimum((said * _BINS).astype(int), _BINS - 1)
    distances = [
        (bins == each).mean() * abs(said[bins == each].mean() - malignant[bins == each].mean())
        for each in np.unique(bins)
    ]
    return float(np.sum(distances))


def check(metrics: Metrics) -> None:
    """Refuse a model that is not good enough.

    Raises:
        GateError: With everything that is wrong with it.
    """
    wrong = [
        f"{what} is {value:.4g}, and must be {limit}"
        for what, value, is_right, limit in (
            ("held-out accuracy", metrics.accuracy, metrics.accuracy >= GATE, f"{GATE} or more"),
            ("accuracy of the small model", metrics.small_accuracy, metrics.small_accuracy >= SMALL_GATE, SMALL_GATE),
            (
                "calibration error",
                metrics.calibration_error,
                metrics.calibration_error <= CALIBRATION_GATE,
                f"{CALIBRATION_GATE} or less",
            ),
            (
                "difference of the exported model from torch",
                metrics.export_difference,
                metrics.export_difference <= TOLERANCE,
                f"{TOLERANCE} or less",
            ),
            (
                "accuracy with 8-bit integers",
                metrics.int8_accuracy,
                metrics.int8_accuracy >= metrics.accuracy - INT8_LOSS,
                f"at most {INT8_LOSS} below {metrics.accuracy:.4f}",
            ),
        )
        if not is_right
    ]
    if wrong:
        raise GateError("; ".join(wrong) + "; nothing was saved")


def card(metrics: Metrics) -> str:
    """The model card, in Markdown."""
    return f"""\
# risk

A small network that says how likely a breast tumour is malignant, from 30 measures of the nuclei in one aspirate.

## Data
569 cases of UCI's "Breast Cancer Wisconsin (Diagnostic)" as shipped by scikit-learn (CC BY 4.0). {HELD_OUT:.0%} were
held out, stratified, seed {SEED}; of the others {FOR_CALIBRATION:.0%} set the temperature and were not trained with.

## Metrics (held out, {metrics.held_out_cases} cases, exported model)
| metric | value |
|---|---|
| accuracy | {metrics.accuracy:.4f} (gate: {GATE}) |
| ROC AUC | {metrics.roc_auc:.4f} |
| Brier score | {metrics.brier:.4f} |
| expected calibration error | {metrics.calibration_error:.4f} (gate: {CALIBRATION_GATE}) |
| the same without the temperature | {metrics.uncalibrated_error:.4f} |
| temperature | {metrics.temperature:.3f} |
| accuracy with 8-bit integers (RISK_RUNTIME=int8) | {metrics.int8_accuracy:.4f} (allowed loss: {INT8_LOSS}) |
| accuracy of the small model that stands in | {metrics.small_accuracy:.4f} (gate: {SMALL_GATE}) |
| largest difference of a probability, ONNX Runtime to torch | {metrics.export_difference:.1e} (allowed: {TOLERANCE}) |

## Intended use
To see calibrated probabilities, a confidence threshold and a review queue at work on real measures.

## Limits
No medical device. One hospital, 1993, {metrics.held_out_cases} held-out cases: the interval of the accuracy is about
±3 points. Age, origin and how the cases were chosen are not recorded, so fairness is unknown.
"""


def save(calibrated: Calibrated, made: Path, metrics: Metrics) -> bentoml.Model:
    """Save weights, exported models and card in the model store."""
    with bentoml.models.create(
        "risk",
        labels={"framework": "torch", "task": "tabular-classification"},
        metadata={**asdict(metrics), "gate": GATE, "seed": SEED, "torch": str(torch.__version__)},
    ) as model:
        folder = Path(model.path)
        torch.save(calibrated.state_dict(), folder / "weights.pt")
        for name in ("model.onnx", "model.int8.onnx", "linear.npz"):
            (folder / name).write_bytes((made / name).read_bytes())
        (folder / "MODEL_CARD.md").write_text(card(metrics))
        (folder / "metrics.json").write_text(json.dumps(asdict(metrics), indent=1))
    return model


def _temperature(network: RiskNetwork, part: Part) -> float:
    """The one that makes what was calibrated with likeliest."""
    features, labels = _tensors(part)
    with torch.no_grad():
        logits = network(features)
    logarithm = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([logarithm], max_iter=50)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        found = nn.functional.binary_cross_entropy_with_logits(logits / logarithm.exp(), labels)
        found.backward()
        return found

    optimizer.step(loss)
    return float(logarithm.detach().exp())


def _tensors(part: Part) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(part.features), torch.from_numpy(part.malignant)


def _accuracy(said: NDArray[np.float32], malignant: NDArray[np.float32]) -> float:
    return float(((said >= 0.5) == (malignant == 1)).mean())
