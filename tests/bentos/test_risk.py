"""The risk model: its gates, its calibration, and that what serves is what was trained.

Torch and scikit-learn are loaded by the tests that run, not by every worker that looks for tests.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from slipway.paths import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "bentos" / "risk"))
if TYPE_CHECKING:
    from risk.data import Split
    from risk.model import RiskModel
    from risk.training import Metrics


@pytest.fixture(scope="module")
def split() -> "Split":
    from risk.data import load

    return load()


@pytest.fixture(scope="module")
def made(split: "Split", tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, Metrics]":
    """A trained model's files, and what was measured of it: the whole of `train.py` but for saving."""
    from risk import training

    folder = tmp_path_factory.mktemp("risk")
    calibrated = training.fit(split)
    training.fit_small(split, folder / "linear.npz")
    training.export(calibrated, folder / "model.onnx")
    training.quantize(folder / "model.onnx", folder / "model.int8.onnx", split)
    return folder, training.measure(calibrated, folder, split)


@pytest.fixture(scope="module")
def served(made: "tuple[Path, Metrics]") -> "RiskModel":
    from risk.model import RiskModel

    model = RiskModel()
    model.load(made[0])
    return model


def test_nothing_that_judges_was_learnt_from(split: "Split") -> None:
    rows = [{row.tobytes() for row in part.features} for part in (split.train, split.calibration, split.held_out)]
    assert [len(part) for part in rows] == [319, 107, 143]
    assert not (rows[0] & rows[1] | rows[0] & rows[2] | rows[1] & rows[2])


def test_the_model_passes_its_gates(made: "tuple[Path, Metrics]") -> None:
    from risk import training

    training.check(made[1])


def test_every_gate_that_is_not_passed_is_told(made: "tuple[Path, Metrics]") -> None:
    from risk import training

    bad = replace(
        made[1],
        accuracy=0.9,
        small_accuracy=0.9,
        calibration_error=0.2,
        export_difference=float("nan"),
        int8_accuracy=0.5,
    )
    with pytest.raises(training.GateError) as told:
        training.check(bad)
    said = str(told.value).split("; ")
    assert said[0] == "held-out accuracy is 0.9, and must be 0.93 or more"
    assert len(said) == 6
    assert said[-1] == "nothing was saved"


def test_calibration_error_is_the_distance_of_what_was_said_from_what_was() -> None:
    from risk.training import calibration_error

    said = np.array([0.9] * 10 + [0.1] * 10, dtype=np.float32)
    right = np.array([1] * 9 + [0] + [0] * 9 + [1], dtype=np.float32)
    assert calibration_error(said, right) == pytest.approx(0, abs=1e-6)
    assert calibration_error(said, 1 - right) == pytest.approx(0.8, abs=1e-6)


def test_what_is_served_is_what_was_measured(served: "RiskModel", split: "Split", made: "tuple[Path, Metrics]") -> None:
    from risk.features import Case

    cases = [Case(*row) for row in split.held_out.features.tolist()]
    right = [
        risk.malignant == bool(true)
        for risk, true in zip(served.predict_batch(cases), split.held_out.malignant, strict=True)
    ]
    assert sum(right) / len(right) == made[1].accuracy
    small = [
        risk.malignant == bool(true)
        for risk, true in zip(served.predict_fallback(cases), split.held_out.malignant, strict=True)
    ]
    assert sum(small) / len(small) == made[1].small_accuracy


def test_confidence_is_that_of_the_class_that_was_named(served: "RiskModel") -> None:
    from risk.model import Risk

    assert served.confidence(Risk(0.9, malignant=True)) == pytest.approx(0.9)
    assert served.confidence(Risk(0.2, malignant=False)) == pytest.approx(0.8)


def test_a_case_has_every_measure_by_its_name() -> None:
    from risk.features import FEATURES, Case
    from sklearn.datasets import load_breast_cancer

    assert [name.replace(" ", "_") for name in load_breast_cancer().feature_names] == list(FEATURES)
    with pytest.raises(msgspec.ValidationError, match="mean_texture"):
        msgspec.json.decode(b'{"mean_radius": 1}', type=Case)
