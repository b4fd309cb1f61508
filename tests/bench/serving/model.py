"""The exported model under ONNX Runtime: the same code, threads and options for every peer."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tests.bench.serving.shape import MODEL, Shape


class Model:
    """A session on one core.

    Args:
        shape: Of the workload.
        path: `model.onnx`; the one a peer is told of when absent.
    """

    def __init__(self, shape: Shape, path: str = "") -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path or os.environ[MODEL], options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._dtype = np.dtype(shape.dtype)
        self.scores(np.zeros((1, *shape.item), dtype=self._dtype))  # the first answer is slow

    def scores(self, items: NDArray[Any]) -> NDArray[np.float32]:
        """Scores `(n, classes)` of items `(n, ...)`."""
        found: NDArray[np.float32] = self._session.run(None, {self._input: items})[0]
        return found

    def answers(self, items: Sequence[Any]) -> list[tuple[int, list[float]]]:
        """The label and the scores of each item, which is nested lists."""
        scores = self.scores(np.array(items, dtype=self._dtype))
        return list(zip(scores.argmax(axis=1).tolist(), scores.tolist(), strict=True))
