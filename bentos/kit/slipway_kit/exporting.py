"""From a trained torch module to the files that serve: ONNX, and a variant with 8-bit integers. For training only.

Needs torch, onnx, onnxscript and onnxruntime, which no image that serves carries.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

_CALIBRATION_ROWS = 64


class ExportError(Exception):
    """There is nothing to serve."""


def export(module: torch.nn.Module, example: torch.Tensor, path: Path, *, given: str, told: str) -> None:
    """Write a module as ONNX, for batches of any size.

    Args:
        module: Takes one tensor and gives one, rows first.
        example: Two rows or more, from which shapes and types are taken.
        path: The file.
        given: Name of the input.
        told: Name of the output.

    Raises:
        ExportError: torch exported nothing.
    """
    import torch

    # It looks for torchvision's operators, which such models have none of, and says so at length.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    program = torch.onnx.export(
        module.eval(),
        (example,),
        input_names=[given],
        output_names=[told],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise ExportError(f"torch exported nothing of {type(module).__name__}")
    program.save(path)


def quantize(exported: Path, path: Path, rows: NDArray[np.float32], *, given: str) -> None:
    """Write a variant that computes with 8-bit integers, scaled by what rows of the training data bring about.

    Static quantization, as onnxruntime documents it:
    https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html

    Args:
        exported: The model.
        path: The file.
        rows: Inputs that it was trained with; never those it is judged by.
        given: Name of the input.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Rows(CalibrationDataReader):  # type: ignore[misc]  # without types
        def __init__(self) -> None:
            self._batches: Iterator[dict[str, Any]] = iter(
                {given: rows[first : first + _CALIBRATION_ROWS]} for first in range(0, len(rows), _CALIBRATION_ROWS)
            )

        def get_next(self) -> dict[str, Any] | None:
            return next(self._batches, None)

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises what is done here already
    try:
        with tempfile.TemporaryDirectory() as folder:
            prepared = Path(folder) / "prepared.onnx"
            quant_pre_process(exported, prepared)
            quantize_static(
                prepared,
                path,
                Rows(),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
            )
    finally:
        root.setLevel(level)
