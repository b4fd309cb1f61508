"""What is served: one sequence of tokens an item. The weights are seeded and untrained, so the answers mean nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from encoder.runtime import Runtime, load
from encoder.shape import SEQUENCE, VOCABULARY

Token = Annotated[int, msgspec.Meta(ge=0, lt=VOCABULARY)]


class Tokens(msgspec.Struct, forbid_unknown_fields=True):
    """A sequence of 64 tokens."""

    tokens: Annotated[list[Token], msgspec.Meta(min_length=SEQUENCE, max_length=SEQUENCE)]


class Label(msgspec.Struct):
    """The label that has the largest logit."""

    label: int
    logit: float


class Encoder:
    """A transformer encoder with seeded, untrained weights: a heavy load for benchmarks, and nothing else."""

    model = "encoder:latest"
    example = Tokens([0] * SEQUENCE)

    def load(self, folder: Path) -> None:
        """Load the model in the runtime that ENCODER_RUNTIME names."""
        self._runtime: Runtime = load(folder, os.environ.get("ENCODER_RUNTIME", "onnx"))

    def predict_batch(self, items: list[Tokens]) -> list[Label]:
        """Label every sequence."""
        logits = self._runtime.logits(np.array([item.tokens for item in items], dtype=np.int64))
        best = logits.argmax(axis=1)
        return [
            Label(label, logit)
            for label, logit in zip(best.tolist(), logits[np.arange(len(items)), best].tolist(), strict=True)
        ]
