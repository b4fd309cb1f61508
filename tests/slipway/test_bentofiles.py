"""Bentos by name: each is a folder, or another way to build one."""

import shutil
from pathlib import Path

import pytest

from slipway import bentofiles
from slipway.building import bento
from slipway.building.sources import Sources
from slipway.errors import BuildError
from slipway.paths import REPOSITORY
from slipway.progress import Progress


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two bentos, one of which can be built in two ways."""
    for name in ("letters/bentofile.yaml", "words/bentofile.yaml", "words/bentofile.gpu.yaml", "kit/pyproject.toml"):
        (tmp_path / "bentos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bentos" / name).touch()
    return tmp_path


def test_another_way_to_build_a_bento_is_a_bento(checkout: Path) -> None:
    words = checkout / "bentos" / "words"
    assert list(bentofiles.found(checkout)) == ["letters", "words", "words-gpu"]
    assert bento.bentofile("words-gpu", checkout) == words / "bentofile.gpu.yaml"
    assert bento.bentofile("words", checkout) == words / "bentofile.yaml"
    assert bentofiles.folder("words-gpu", checkout) == words


def test_a_folder_of_that_name_goes_first(checkout: Path) -> None:
    shutil.copytree(checkout / "bentos" / "letters", checkout / "bentos" / "words-gpu")
    assert bento.bentofile("words-gpu", checkout) == checkout / "bentos" / "words-gpu" / "bentofile.yaml"


def test_one_that_is_not_there_is_refused_with_those_that_are(checkout: Path) -> None:
    with pytest.raises(BuildError, match="no bento 'words-cpu'; bentos/ has letters, words, words-gpu"):
        bento.bentofile("words-cpu", checkout)
    assert bentofiles.folder("words-cpu", checkout) == checkout / "bentos" / "words-cpu"


def test_a_link_is_followed_to_what_is_built(checkout: Path) -> None:
    (checkout / "bentos" / "linked").symlink_to(checkout / "bentos" / "letters")
    assert bento.bentofile("linked", checkout) == checkout / "bentos" / "letters" / "bentofile.yaml"


def test_the_other_way_has_its_own_environment_and_file() -> None:
    said: list[tuple[str, ...]] = []

    def bentoml(*arguments: str) -> str:
        said.append(arguments)
        return "__tag__:encoder-gpu:1\n"

    gpu = Sources("encoder-gpu", bento.bentofile("encoder-gpu"), Progress(quiet=True))
    assert gpu.bento(bentoml) == "encoder-gpu:1"
    folder = str((REPOSITORY / "bentos" / "encoder").resolve())
    assert said == [("build", folder, "--bentofile", "bentos/encoder/bentofile.gpu.yaml", "--output", "tag")]
    assert gpu.environment() == {"SLIPWAY_MODEL": "encoder.model:Encoder", "ENCODER_RUNTIME": "cuda"}
    assert gpu.one_ms() == 0.0, "what this machine's processor takes says nothing of a GPU"


def test_each_image_of_the_encoder_carries_what_it_computes_with() -> None:
    requirements = {
        name: {line.split("==")[0] for line in (REPOSITORY / "bentos" / "encoder" / name).read_text().splitlines()}
        for name in ("requirements.txt", "requirements.gpu.txt")
    }
    assert "torch" in requirements["requirements.gpu.txt"]
    assert "onnxruntime" not in requirements["requirements.gpu.txt"]
    assert "onnxruntime" in requirements["requirements.txt"]
    assert "torch" not in requirements["requirements.txt"]
