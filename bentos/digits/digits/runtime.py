"""What answers: the exported model under ONNX Runtime (small, in images), or the trained one under torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from slipway_kit import onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from digits.network import DigitsNetwork


INPUT, OUTPUT = "images", "probabilities"
"""Of the exported model."""


class Runtime(Protocol):
    """Answers for batches of images."""

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities `(n, 10)` of images `(n, 8, 8)` with intensities 0 to 16."""


class OnnxRuntime:
    """The exported model, on one core.

    Args:
        path: `model.onnx`, or `model.int8.onnx`.
    """

    def __init__(self, path: Path) -> None:
        """Load the model."""
        self._session = onnx.session(path)

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `Runtime`."""
        answer: NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: images})[0]
        return answer


class TorchRuntime:
    """The trained network itself.

    Args:
        network: With its weights.
    """

    def __init__(self, network: DigitsNetwork) -> None:
        """Switch the network to answering."""
        self._network = network.eval()

    @classmethod
    def load(cls, path: Path) -> TorchRuntime:
        """Read `weights.pt`."""
        import torch

        from digits.network import DigitsNetwork

        network = DigitsNetwork()
        network.load_state_dict(torch.load(path, weights_only=True))
        return cls(network)

    def probabilities(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """As `Runtime`."""
        import torch

        from digits.network import as_batch

        with torch.no_grad():
            answer: NDArray[np.float32] = torch.softmax(self._network(as_batch(images)), dim=1).numpy()
        return answer


def load(folder: Path, runtime: str) -> Runtime:
    """Load a saved model.

    Args:
        folder: The model's folder in the model store.
        runtime: `onnx`, `int8` or `torch`.

    Raises:
        ValueError: There is no such runtime.
    """
    match runtime:
        case "onnx":
            return OnnxRuntime(folder / "model.onnx")
        case "int8":
            return OnnxRuntime(folder / "model.int8.onnx")
        case "torch":
            return TorchRuntime.load(folder / "weights.pt")
    msg = f"DIGITS_RUNTIME is {runtime!r}; `onnx` (the default), `int8` and `torch` exist"
    raise ValueError(msg)
