"""How an exported model is run on the core that a pod is given. Needs onnxruntime, which the kit does not bring."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def session(path: Path) -> Any:
    """An onnxruntime.InferenceSession of an exported model, with one thread.

    A pod is given cores, not a machine: one thread a replica keeps replicas from fighting over them.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
