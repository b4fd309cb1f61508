"""The digits model: its gate, and that what serves is what was trained.

Torch and scikit-learn are loaded by the tests that run, not by every worker that looks for tests.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from slipway.paths import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "bentos" / "digits"))
if TYPE_CHECKING:
    from digits import data
    from digits.network import DigitsNetwork


@pytest.fixture(scope="module")
def split() -> "data.Split":
    from digits import data

    return data.load()


@pytest.fixture(scope="module")
def untrained() -> "DigitsNetwork":
    import torch
    from digits.network import DigitsNetwork

    torch.manual_seed(0)
    return DigitsNetwork()


@pytest.fixture(scope="module")
def exported(untrained: "DigitsNetwork", tmp_path_factory: pytest.TempPathFactory) -> Path:
    from digits import training

    path = tmp_path_factory.mktemp("model") / "model.onnx"
    training.export(untrained.eval(), path)
    return path


def test_the_split_is_the_same_every_time_and_nothing_is_in_both_parts(split: "data.Split") -> None:
    from digits import data

    again = data.load()
    assert np.array_equal(split.held_out_images, again.held_out_images)
    assert len(split.train_images) + len(split.held_out_images) == 1797
    assert set(split.held_out_labels.tolist()) == set(range(10))


def test_the_exported_model_is_the_torch_model(untrained: "DigitsNetwork", exported: Path, split: "data.Split") -> None:
    from digits import runtime, training

    served = runtime.OnnxRuntime(exported)
    trained = runtime.TorchRuntime(untrained)
    for images in (split.held_out_images, split.held_out_images[:1], np.zeros((3, 8, 8), dtype=np.float32)):
        theirs, ours = served.probabilities(images), trained.probabilities(images)
        assert theirs.shape == (len(images), 10)
        assert np.abs(theirs - ours).max() <= training.TOLERANCE
        assert np.allclose(theirs.sum(axis=1), 1, atol=1e-5)


def test_an_untrained_model_does_not_pass_the_gate(
    untrained: "DigitsNetwork", exported: Path, split: "data.Split"
) -> None:
    from digits import training

    metrics = training.measure(untrained, exported, exported, split)
    assert metrics.accuracy < 0.5
    with pytest.raises(training.GateError, match=r"below the gate of 0\.97; nothing was saved"):
        training.check(metrics)


def test_a_model_that_is_not_the_exported_one_does_not_pass(exported: Path, split: "data.Split") -> None:
    import torch
    from digits import training
    from digits.network import DigitsNetwork

    torch.manual_seed(1)
    metrics = training.measure(DigitsNetwork().eval(), exported, exported, split)
    assert metrics.export_difference > training.TOLERANCE
    with pytest.raises(training.GateError, match="the exported model differs from torch"):
        training.check(replace(metrics, accuracy=1.0))


def test_a_variant_in_integers_that_loses_too_much_does_not_pass(
    untrained: "DigitsNetwork", exported: Path, split: "data.Split"
) -> None:
    from digits import training

    metrics = replace(training.measure(untrained, exported, exported, split), accuracy=0.98)
    training.check(replace(metrics, int8_accuracy=0.98 - training.INT8_LOSS))
    with pytest.raises(
        training.GateError, match=r"with 8-bit integers the accuracy is 0\.9600, and may be 0\.005 below"
    ):
        training.check(replace(metrics, int8_accuracy=0.96))


def test_the_variant_in_integers_answers_nearly_the_same(exported: Path, split: "data.Split", tmp_path: Path) -> None:
    from digits import runtime, training

    quantized = tmp_path / "model.int8.onnx"
    training.quantize(exported, quantized, split)
    assert quantized.stat().st_size < exported.stat().st_size / 3
    both = [runtime.OnnxRuntime(path).probabilities(split.held_out_images) for path in (exported, quantized)]
    assert np.abs(both[0] - both[1]).max() < 0.05


def test_a_failed_gate_fails_the_training_script_and_saves_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, '.'); import train; from digits import training;"
        "train.fit = lambda split: training.fit(split, epochs=0); sys.exit(train.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY / "bentos" / "digits",
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "BENTOML_HOME": str(tmp_path / "store")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "nothing was saved" in done.stderr
    assert not list((tmp_path / "store").glob("models/digits/*"))


def test_an_unknown_runtime_is_refused() -> None:
    from digits import runtime

    with pytest.raises(ValueError, match=r"`onnx` \(the default\), `int8` and `torch` exist"):
        runtime.load(Path("/nowhere"), "tensorflow")
