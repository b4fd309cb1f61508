"""The Wisconsin breast cancer data that scikit-learn ships, split once and for all.

569 real fine-needle aspirates, 30 measured features each (https://archive.ics.uci.edu/dataset/17, CC BY 4.0).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

SEED = 20261122
HELD_OUT, FOR_CALIBRATION = 0.25, 0.25


@dataclass(frozen=True)
class Part:
    """Some of the cases.

    Shapes:
        features: `(n, 30)`, float32, in the units of the data set.
        malignant: `(n,)`, float32, 1 where the tumour was malignant.
    """

    features: NDArray[np.float32]
    malignant: NDArray[np.float32]

    def split(self, share: float) -> tuple[Self, Self]:
        """Two parts with as many malignant cases by share; the second has that share of all."""
        first, second, first_labels, second_labels = train_test_split(
            self.features, self.malignant, test_size=share, random_state=SEED, stratify=self.malignant
        )
        return type(self)(first, first_labels), type(self)(second, second_labels)


@dataclass(frozen=True)
class Split:
    """What is learnt from, what the probabilities are calibrated with, and what judges."""

    train: Part
    calibration: Part
    held_out: Part


def load() -> Split:
    """Load and split: the same cases on every machine."""
    raw = load_breast_cancer()
    everything = Part(raw.data.astype(np.float32), (raw.target == 0).astype(np.float32))
    rest, held_out = everything.split(HELD_OUT)
    train, calibration = rest.split(FOR_CALIBRATION)
    return Split(train, calibration, held_out)
