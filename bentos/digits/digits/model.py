"""What is served: one handwritten digit an item."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from digits.images import INTENSITY, SIDE
from digits.runtime import Runtime, load

Pixel = Annotated[float, msgspec.Meta(ge=0, le=INTENSITY)]
Row = Annotated[list[Pixel], msgspec.Meta(min_length=SIDE, max_length=SIDE)]


class Image(msgspec.Struct, forbid_unknown_fields=True):
    """A grey image of 8×8 pixels, 0 (paper) to 16 (ink)."""

    image: Annotated[list[Row], msgspec.Meta(min_length=SIDE, max_length=SIDE)]


class Digit(msgspec.Struct):
    """What the image shows."""

    digit: int
    """The most probable one."""
    probabilities: list[float]
    """Of 0 to 9."""


class Digits:
    """Reads handwritten digits."""

    model = "digits:latest"
    example = Image([[0.0] * SIDE] * SIDE)

    def load(self, folder: Path) -> None:
        """Load the model in the runtime that DIGITS_RUNTIME names."""
        self.runtime: Runtime = load(folder, os.environ.get("DIGITS_RUNTIME", "onnx"))

    def predict_batch(self, items: list[Image]) -> list[Digit]:
        """Read every image."""
        images = np.asarray([item.image for item in items], dtype=np.float32)
        probabilities = self.runtime.probabilities(images)
        best = probabilities.argmax(axis=1).tolist()
        return [Digit(digit, each) for digit, each in zip(best, probabilities.tolist(), strict=True)]
