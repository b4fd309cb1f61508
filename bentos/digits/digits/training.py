"""Training, exporting, measuring and saving the digits model. Needs torch; never part of an image."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import bentoml
import numpy as np
import torch
from slipway_kit import exporting
from torch import nn

from digits.data import HELD_OUT, SEED, Split
from digits.images import INTENSITY, SIDE
from digits.network import DigitsNetwork, as_batch
from digits.runtime import INPUT, OUTPUT, OnnxRuntime, TorchRuntime

GATE = 0.97
"""The least held-out accuracy with which a model may exist."""
TOLERANCE = 1e-4
"""How far the exported model's probabilities may be from torch's, at most, over the held-out images."""
INT8_LOSS = 0.005
"""Accuracy that the variant with 8-bit integers may lose."""
EPOCHS = 30
BATCH = 64
CLASSES = 10


@dataclass(frozen=True)
class Metrics:
    """What was measured on the held-out images.

    Attributes:
        accuracy: Share of right answers.
        worst_class_accuracy: The same for the digit that is recognised worst.
        worst_class: That digit.
        export_difference: Largest difference of a probability between torch and the exported model.
        int8_accuracy: Share of right answers of the variant with 8-bit integers.
        held_out_images: How many images this was measured on.
    """

    accuracy: float
    worst_class_accuracy: float
    worst_class: int
    export_difference: float
    int8_accuracy: float
    held_out_images: int


class GateError(Exception):
    """The model is not good enough to be saved."""


def fit(split: Split, *, epochs: int = EPOCHS) -> DigitsNetwork:
    """Train from fixed seeds."""
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(mode=True)
    order = torch.Generator().manual_seed(SEED)
    images, labels = as_batch(split.train_images), torch.from_numpy(split.train_labels)
    network = DigitsNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4)
    network.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(images), generator=order).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images[rows]), labels[rows]).backward()
            optimizer.step()
    return network.eval()


def export(network: DigitsNetwork, path: Path) -> None:
    """Write the network with its scaling and softmax as ONNX: input `images` `(n, 8, 8)` of 0 to 16."""

    class Served(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.softmax(self.network((images / INTENSITY).unsqueeze(1)), dim=1)

    exporting.export(Served(), torch.zeros(2, SIDE, SIDE), path, given=INPUT, told=OUTPUT)


def quantize(exported: Path, path: Path, split: Split) -> None:
    """Write the exported network with 8-bit integers."""
    exporting.quantize(exported, path, split.train_images, given=INPUT)


def measure(network: DigitsNetwork, exported: Path, quantized: Path, split: Split) -> Metrics:
    """Measure the exported models — those that serve — on the held-out images, and how far they are from torch."""
    answers = OnnxRuntime(exported).probabilities(split.held_out_images)
    right = answers.argmax(axis=1) == split.held_out_labels
    by_class = [float(right[split.held_out_labels == digit].mean()) for digit in range(CLASSES)]
    in_integers = OnnxRuntime(quantized).probabilities(split.held_out_images).argmax(axis=1) == split.held_out_labels
    difference = np.abs(answers - TorchRuntime(network).probabilities(split.held_out_images)).max()
    return Metrics(
        accuracy=float(right.mean()),
        worst_class_accuracy=min(by_class),
        worst_class=int(np.argmin(by_class)),
        export_difference=float(difference),
        int8_accuracy=float(in_integers.mean()),
        held_out_images=len(right),
    )


def check(metrics: Metrics, *, gate: float = GATE) -> None:
    """Refuse a model that is not good enough.

    Raises:
        GateError: Its accuracy is below the gate, or the exported model is not the trained one.
    """
    if metrics.accuracy < gate:
        msg = f"held-out accuracy {metrics.accuracy:.4f} is below the gate of {gate}; nothing was saved"
        raise GateError(msg)
    if not metrics.export_difference <= TOLERANCE:
        msg = (
            f"the exported model differs from torch by up to {metrics.export_difference:.2g} (allowed: {TOLERANCE}); "
            "nothing was saved"
        )
        raise GateError(msg)
    if metrics.int8_accuracy < metrics.accuracy - INT8_LOSS:
        msg = (
            f"with 8-bit integers the accuracy is {metrics.int8_accuracy:.4f}, and may be {INT8_LOSS} below "
            f"{metrics.accuracy:.4f}; nothing was saved"
        )
        raise GateError(msg)


def card(metrics: Metrics) -> str:
    """The model card, in Markdown."""
    return f"""\
# digits

A small convolutional network that reads one handwritten digit from an 8×8 grey image.

## Data
1,797 images of UCI's "Optical Recognition of Handwritten Digits" as shipped by scikit-learn (CC BY 4.0): digits written
by 43 people on paper forms, scanned, centred and reduced to 8×8 pixels of 0 to 16. {HELD_OUT:.0%} were held out,
stratified, seed {SEED}; none of them was seen in training.

## Metrics (held out, {metrics.held_out_images} images, exported model)
| metric | value |
|---|---|
| accuracy | {metrics.accuracy:.4f} (gate: {GATE}) |
| accuracy of the worst digit ({metrics.worst_class}) | {metrics.worst_class_accuracy:.4f} |
| largest difference of a probability, ONNX Runtime to torch | {metrics.export_difference:.1e} (allowed: {TOLERANCE}) |
| accuracy with 8-bit integers (DIGITS_RUNTIME=int8) | {metrics.int8_accuracy:.4f} (allowed loss: {INT8_LOSS}) |

## Intended use
A first model to see a deployment work with, and a light load for benchmarks.

## Limits
One centred digit per image, in the preparation described above. Images of other sources, several digits, letters or
photographs get an answer too, and it means nothing. Probabilities are not calibrated. The writers' handedness, age and
origin are not recorded, so fairness across them is unknown. Not for cheques, forms or anything else that matters.
"""


def save(network: DigitsNetwork, exported: Path, quantized: Path, metrics: Metrics) -> bentoml.Model:
    """Save weights, exported models and card in the model store."""
    with bentoml.models.create(
        "digits",
        labels={"framework": "torch", "task": "image-classification"},
        metadata={**asdict(metrics), "gate": GATE, "seed": SEED, "torch": str(torch.__version__)},
    ) as model:
        folder = Path(model.path)
        torch.save(network.state_dict(), folder / "weights.pt")
        (folder / "model.onnx").write_bytes(exported.read_bytes())
        (folder / "model.int8.onnx").write_bytes(quantized.read_bytes())
        (folder / "MODEL_CARD.md").write_text(card(metrics))
        (folder / "metrics.json").write_text(json.dumps(asdict(metrics), indent=1))
    return model
