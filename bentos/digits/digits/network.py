"""The network itself: two convolutions and two linear layers over 8×8 images. Imported for training only."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from digits.images import INTENSITY


class DigitsNetwork(nn.Module):
    """Classifies handwritten digits.

    Shapes:
        input: `(n, 1, 8, 8)`, float32, 0 (white) to 1 (black).
        output: `(n, 10)`, float32 logits.
    """

    def __init__(self) -> None:
        """Build the layers; weights come from torch's current seed."""
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(64 * 4 * 4, 128),
            nn.ReLU(),
            nn.Linear(128, 10),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        logits: torch.Tensor = self.layers(images)
        return logits


def as_batch(images: NDArray[np.float32]) -> torch.Tensor:
    """Images `(n, 8, 8)` of 0 to 16 as the network's input `(n, 1, 8, 8)` of 0 to 1."""
    return torch.from_numpy(images / INTENSITY).unsqueeze(1)
