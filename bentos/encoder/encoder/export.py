"""Writes the network as ONNX. Needs torch; never part of an image."""

from pathlib import Path

import torch
from slipway_kit import exporting

from encoder.network import EncoderNetwork
from encoder.runtime import INPUT, OUTPUT
from encoder.shape import SEQUENCE


def export(network: EncoderNetwork, path: Path) -> None:
    """Write the network: input `tokens` `(n, 64)` int64, output `logits` `(n, 16)` float32, for any `n`."""
    tokens = torch.zeros(2, SEQUENCE, dtype=torch.int64)
    exporting.export(network, tokens, path, given=INPUT, told=OUTPUT)
