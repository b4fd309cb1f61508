"""slipway-kit as an author uses it: `python -m slipway_kit tests.bench.serving.peers.ours:Digits`.

Metrics are on (they always are), traces are sampled as by default and sent to a sink, and nothing is tuned.
"""

from typing import ClassVar

import msgspec

from tests.bench.serving.model import Model
from tests.bench.serving.shape import HEAVY, LIGHT


class Image(msgspec.Struct):
    image: list[list[float]]


class Digit(msgspec.Struct):
    digit: int
    probabilities: list[float]


class Digits:
    example: ClassVar[Image] = Image(image=[[8.0] * 8] * 8)

    def load(self) -> None:
        self._model = Model(LIGHT)

    def predict_batch(self, items: list[Image]) -> list[Digit]:
        return [Digit(*answer) for answer in self._model.answers([item.image for item in items])]


class Tokens(msgspec.Struct):
    tokens: list[int]


class Label(msgspec.Struct):
    label: int
    logits: list[float]


class Encoder:
    example: ClassVar[Tokens] = Tokens(tokens=list(range(64)))

    def load(self) -> None:
        self._model = Model(HEAVY)

    def predict_batch(self, items: list[Tokens]) -> list[Label]:
        return [Label(*answer) for answer in self._model.answers([item.tokens for item in items])]
