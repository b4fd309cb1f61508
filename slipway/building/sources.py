"""The steps from a bento's folder to a built Bento, which every kind of build begins with."""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from slipway import bentofiles, paths
from slipway.errors import BuildError, CommandError
from slipway.files import write
from slipway.progress import Progress
from slipway.running import run

QUIET = {"BENTOML_DO_NOT_TRACK": "True", "PYTHONDONTWRITEBYTECODE": "1"}
"""What everything is run with that loads a bento."""
KIT = "kit"
"""The folder of slipway-kit beside the bentos: those that carry its wheel are built from its sources, too."""
_IGNORED = {"wheels", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


def fingerprint(begins: str, *folders: Path) -> str:
    """Changes with any file of the folders, and with what it begins with."""
    digest = hashlib.sha256(begins.encode())
    for sources in folders:
        for file in sorted(sources.rglob("*")):
            if file.is_file() and not _IGNORED & set(file.relative_to(sources).parts):
                digest.update(str(file.relative_to(sources)).encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def store() -> Path:
    """BentoML's."""
    return Path(os.environ.get("BENTOML_HOME") or Path.home() / "bentoml")


def words_of_bentoml(*arguments: str) -> tuple[str, ...]:
    """How BentoML is run."""
    return (sys.executable, "-W", "ignore", "-m", "bentoml", *arguments)


class Sources:
    """A bento's folder, and what is made of it.

    Args:
        model: The bento's name.
        bentofile: Where it really is: BentoML reads nothing that a link leads to.
        progress: Where phases are told.
    """

    def __init__(self, model: str, bentofile: Path, progress: Progress) -> None:
        self.model, self.folder, self._bentofile, self._progress = model, bentofile.parent, bentofile, progress

    def train(self) -> None:
        """Train, unless it trains nothing, or the store's latest model was made here from the same sources.

        Raises:
            BuildError: It was not trained to its gate.
        """
        if not (self.folder / "train.py").exists():
            return
        name = self.folder.name
        trained = paths.cache() / "trained" / name / fingerprint("", self.folder)
        latest = store() / "models" / name / "latest"
        with self._progress.phase(f"train {name}") as phase:
            if trained.exists() and latest.exists() and trained.read_text() == latest.read_text():
                phase.detail = f"{name}:{latest.read_text()} is of these sources"
                return
            try:
                said = run([sys.executable, self.folder / "train.py"], env={**os.environ, **QUIET}, timeout=3600)
            except CommandError as error:
                msg = f"{name} was not trained to its gate:\n{error.output.strip()}"
                again = f"run `.venv/bin/python bentos/{name}/train.py` to see it again"
                raise BuildError(msg, remedy=again) from error
            phase.detail = said.strip().splitlines()[-1]
            trained.parent.mkdir(parents=True, exist_ok=True)
            write(trained, latest.read_text())

    def bento(self, bentoml: Callable[..., str]) -> str:
        """Build the Bento, and return its tag.

        Args:
            bentoml: Runs BentoML with arguments, in the folder above `bentos/`, and returns what it wrote.
        """
        with self._progress.phase(f"bentoml build {self.model}") as phase:
            file = self._bentofile.relative_to(self.folder.parent.parent)
            said = bentoml("build", str(self.folder), "--bentofile", str(file), "--output", "tag")
            tag = phase.detail = said.strip().rsplit("__tag__:", 1)[-1].split()[0]
        return tag

    def one_ms(self) -> float:
        """Let the kit measure its class with one item; 0 for a bento that is not the kit's, or has no example.

        And for one that is built another way as well: that one is for machines of another kind than this.
        """
        served = self.environment().get("SLIPWAY_MODEL", "")
        if not served or self._bentofile.name != bentofiles.PLAIN:
            return 0.0
        with self._progress.phase(f"one item of {self.model}") as phase:
            words = [sys.executable, "-W", "ignore", "-m", "slipway_kit.profiling", served]
            said = run(words, env={**os.environ, **QUIET}, cwd=self.folder, timeout=600)
            one = float(json.loads(said.strip().splitlines()[-1]).get("one_ms", 0.0))
            phase.detail = f"{one} ms" if one else "its class has no example"
        return one

    def environment(self) -> dict[str, str]:
        """What the image says to its container."""
        told = yaml.safe_load(self._bentofile.read_text()).get("envs") or []
        return {str(each["name"]): str(each.get("value", "")) for each in told}
