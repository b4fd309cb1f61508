"""What answers: the exported network under ONNX Runtime on a core, or torch itself, on a GPU where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from slipway_kit import onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from encoder.network import EncoderNetwork

INPUT, OUTPUT = "tokens", "logits"
"""Of the exported network."""


class Runtime(Protocol):
    """Answers for batches of sequences."""

    def logits(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits `(n, 16)` of sequences `(n, 64)`."""


class OnnxRuntime:
    """The exported network, on one core.

    Args:
        path: `model.onnx`.
    """

    def __init__(self, path: Path) -> None:
        """Load the network."""
        self._session = onnx.session(path)

    def logits(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `Runtime`."""
        answer: NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: tokens})[0]
        return answer


class TorchRuntime:
    """The network itself.

    Args:
        network: With its weights.
        device: `cuda` or `cpu`; on a GPU it computes in half precision.
    """

    def __init__(self, network: EncoderNetwork, device: str) -> None:
        """Move the network to where it computes."""
        import torch

        self._torch = torch
        self._device = torch.device(device)
        precision = torch.float16 if device == "cuda" else torch.float32
        self._network = network.eval().to(device=self._device, dtype=precision)

    @classmethod
    def load(cls, path: Path, *, needs_gpu: bool = False) -> TorchRuntime:
        """Read `weights.pt`, and compute on a GPU where there is one.

        Raises:
            RuntimeError: There is none, and one is needed; it says what CUDA says.
        """
        import torch

        from encoder.network import EncoderNetwork

        if needs_gpu:
            torch.cuda.init()
        network = EncoderNetwork()
        network.load_state_dict(torch.load(path, weights_only=True))
        return cls(network, "cuda" if torch.cuda.is_available() else "cpu")

    def logits(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `Runtime`."""
        with self._torch.inference_mode():
            answer = self._network(self._torch.from_numpy(tokens).to(self._device))
        logits: NDArray[np.float32] = answer.float().cpu().numpy()
        return logits


def load(folder: Path, runtime: str) -> Runtime:
    """Load a saved network.

    Args:
        folder: The model's folder in the model store.
        runtime: `onnx`, `torch` (on a GPU where there is one), or `cuda` (on a GPU).

    Raises:
        ValueError: There is no such runtime.
        RuntimeError: It is `cuda`, and there is no GPU: a pod that has paid for one must not serve without.
    """
    match runtime:
        case "onnx":
            return OnnxRuntime(folder / "model.onnx")
        case "torch" | "cuda":
            return TorchRuntime.load(folder / "weights.pt", needs_gpu=runtime == "cuda")
    raise ValueError(f"ENCODER_RUNTIME is {runtime!r}; `onnx` (the default), `torch` and `cuda` exist")
