"""The digits service: `bentoml serve bentos/digits`, then POST images to `/predict`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import bentoml
import numpy as np
from digits.images import INTENSITY, SIDE
from digits.limits import BodyLimit
from digits.runtime import load
from pydantic import BaseModel, ConfigDict, Field

MODEL = "digits:latest"
MOST_IMAGES = 512
"""In one request: more would make the others wait."""
MOST_BYTES = 1 << 20
"""Of one request's body: room for the most images, written generously."""
LOCK = Path(__file__).parent / "requirements.txt"

# `distro` names none that BentoML knows, so that it adds no compiler and no git; the base needs Python and `uv` only.
image = bentoml.images.Image(
    base_image=os.environ.get("SLIPWAY_BASE_IMAGE", "python:3.11-slim-bookworm"),
    distro="as-given",
    python_version="3.11",
    lock_python_packages=False,
)
image.python_packages(LOCK.read_text().strip())  # what `requirements_file` does, for a path that is absolute

Pixel = Annotated[float, Field(ge=0, le=INTENSITY, allow_inf_nan=False)]
Row = Annotated[list[Pixel], Field(min_length=SIDE, max_length=SIDE)]
Image = Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE)]


class Request(BaseModel):
    """Images to read."""

    model_config = ConfigDict(extra="forbid", strict=True)

    images: Annotated[list[Image], Field(min_length=1, max_length=MOST_IMAGES)]
    """Grey images of 8×8 pixels, 0 (paper) to 16 (ink)."""


class Answer(BaseModel):
    """What the images show."""

    digits: list[int]
    """The most probable digit of each image."""
    probabilities: list[list[float]]
    """Of each image, the probability of 0 to 9."""
    model: str
    """Tag of the model that answered."""


@bentoml.service(name="digits", image=image, traffic={"timeout": 10})
class Digits:
    """Reads handwritten digits."""

    model = bentoml.models.BentoModel(MODEL)

    def __init__(self) -> None:
        """Load the model in the runtime that `DIGITS_RUNTIME` names, and answer once: the first answer is slow."""
        self.runtime = load(Path(self.model.path), os.environ.get("DIGITS_RUNTIME", "onnx"))
        self.tag = str(self.model.tag)
        self.runtime.probabilities(np.zeros((1, SIDE, SIDE), dtype=np.float32))

    @bentoml.api(input_spec=Request)
    def predict(self, **request: object) -> Answer:
        """Read every image of a request."""
        images = np.asarray(request["images"], dtype=np.float32)
        probabilities = self.runtime.probabilities(images)
        return Answer(
            digits=probabilities.argmax(axis=1).tolist(), probabilities=probabilities.tolist(), model=self.tag
        )


Digits.add_asgi_middleware(BodyLimit, most=MOST_BYTES)
