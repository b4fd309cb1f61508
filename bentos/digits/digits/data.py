"""The handwritten digits that scikit-learn ships, split once and for all.

1,797 real images of 8×8 pixels, intensities 0 to 16, from the test set of UCI's "Optical Recognition of Handwritten
Digits" (https://archive.ics.uci.edu/dataset/80, CC BY 4.0).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 20261122
HELD_OUT = 0.25


@dataclass(frozen=True)
class Split:
    """Training and held-out images.

    Shapes:
        images: `(n, 8, 8)`, float32, 0 to 16.
        labels: `(n,)`, int64, 0 to 9.
    """

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    held_out_images: NDArray[np.float32]
    held_out_labels: NDArray[np.int64]


def load() -> Split:
    """Load and split: the same images on every machine, every digit in both parts."""
    digits = load_digits()
    images, labels = digits.images.astype(np.float32), digits.target.astype(np.int64)
    train_images, held_out_images, train_labels, held_out_labels = train_test_split(
        images, labels, test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    return Split(train_images, train_labels, held_out_images, held_out_labels)
