"""The models that are served and the requests that are sent, made once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slipway import paths
from slipway.load.plan import Payload
from slipway.progress import Progress
from tests.bench.serving.model import Model
from tests.bench.serving.shape import HEAVY, LIGHT, Shape

BENTOS = paths.REPOSITORY / "bentos"
_ITEMS = 450
"""As many different requests as digits has held-out images."""
_SEED = 20261122
_CLEAR = 1e-3
"""Between the largest score and the next: an answer that depends on the last bits of a sum is no right or wrong one."""


@dataclass(frozen=True)
class Fixture:
    """One workload, ready to be served.

    Attributes:
        shape: What its requests and answers look like.
        model: `model.onnx`.
        items: What is asked, `(n, ...)`.
        labels: What the model says to each when it is alone in a batch.
    """

    shape: Shape
    model: Path
    items: NDArray[Any]
    labels: Sequence[int]

    def payloads(self, *, batched: bool) -> list[Payload]:
        """The requests as text; `batched` puts each item into a list of its own."""
        return [
            Payload(
                json.dumps({self.shape.key: [item] if batched else item}, separators=(",", ":")),
                f'"{self.shape.label}":{label},',
            )
            for item, label in zip(self.items.tolist(), self.labels, strict=True)
        ]


def fixture(shape: Shape, progress: Progress) -> Fixture:
    """Train or make the model if the cache has none of this source, and ask it everything once."""
    bento = BENTOS / ("digits" if shape is LIGHT else "encoder")
    folder = paths.cache() / "bench" / f"{bento.name}-{_source(bento / bento.name)}"
    if str(bento) not in sys.path:
        sys.path.insert(0, str(bento))
    if not folder.exists():
        with progress.phase(f"make the {shape.name} model"):
            partial = folder.with_suffix(".partial")
            partial.mkdir(parents=True, exist_ok=True)
            (_make_digits if shape is LIGHT else _make_encoder)(partial)
            partial.rename(folder)
    items = np.load(folder / "items.npy")
    model = Model(shape, str(folder / "model.onnx"))
    scores = np.concatenate([model.scores(items[row : row + 1]) for row in range(len(items))])
    second, first = np.sort(scores, axis=1)[:, -2:].T
    clear = first - second > _CLEAR
    return Fixture(shape, folder / "model.onnx", items[clear], scores[clear].argmax(axis=1).tolist())


def _source(folder: Path) -> str:
    key = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        key.update(hashlib.sha256(file.read_bytes()).digest())
    key.update(hashlib.sha256(Path(__file__).read_bytes()).digest())
    return key.hexdigest()[:12]


def _make_digits(folder: Path) -> None:
    from digits import data, training  # noqa: PLC0415  # torch, which is not needed again

    split = data.load()
    training.export(training.fit(split), folder / "model.onnx")
    np.save(folder / "items.npy", split.held_out_images.astype(LIGHT.dtype))


def _make_encoder(folder: Path) -> None:
    from encoder.export import export  # noqa: PLC0415  # as above
    from encoder.network import seeded  # noqa: PLC0415
    from encoder.shape import VOCABULARY  # noqa: PLC0415

    export(seeded(), folder / "model.onnx")
    items = np.random.default_rng(_SEED).integers(0, VOCABULARY, (_ITEMS, *HEAVY.item), dtype=HEAVY.dtype)
    np.save(folder / "items.npy", items)
