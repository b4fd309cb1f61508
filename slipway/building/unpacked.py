"""A bento as a folder instead of an image: the built Bento, its model, and a virtual environment of what it requires.

What `bentoml containerize` would put into a container is put beside each other here, for machines on which nobody may
make one: the same Bento, the same pinned packages, another Python and another libc.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from infra.models.builds import UNPACKED
from slipway import paths
from slipway.building import bento, sources
from slipway.building.sources import QUIET, Sources, words_of_bentoml
from slipway.embedded.processes.pods import Unpacked
from slipway.engines.toolchain import uv
from slipway.errors import BuildError, CommandError
from slipway.files import write
from slipway.progress import Progress
from slipway.running import run

_RECIPE = 1
"""Raised when the way these folders are made changes."""
_RECORD = "build.json"


@dataclass(frozen=True, kw_only=True)
class Build(Unpacked):
    """What a build made: what stands for an image, and where it is from.

    Attributes:
        model: The bento's name.
        source: Fingerprint of the sources.
        one_ms: Milliseconds that the model took for one item alone, on this machine; 0 where nobody knows.
    """

    model: str
    source: str
    one_ms: float = 0.0


def ensure(model: str, progress: Progress, *, checkout: Path = paths.REPOSITORY) -> Build:
    """Unpack a bento unless the same sources were, and record it as what `image: built` means.

    Raises:
        BuildError: There is no such bento, its gate was not passed, or BentoML or uv failed.
    """
    file = bento.bentofile(model, checkout)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    source = sources.fingerprint(f"unpacked {_RECIPE} {python}", file.parent, file.parent.parent / sources.KIT)
    kept = paths.cache() / "unpacked" / model / source
    if not (kept / _RECORD).exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.with_name(f".{source}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another build may have made it meanwhile
            if not (kept / _RECORD).exists():
                _build(Sources(model, file, progress), source, kept, progress)
    build = Build(**json.loads((kept / _RECORD).read_text()))
    entry = bento.Build(build.model, build.image, build.source, unpacked_bytes=0, archive="", one_ms=build.one_ms)
    bento.write_lock(entry, checkout / "stacks" / UNPACKED)
    return build


def _build(made_of: Sources, source: str, kept: Path, progress: Progress) -> None:
    made_of.train()
    tag = made_of.bento(lambda *arguments: _bentoml(made_of, *arguments))
    # A virtual environment knows where it lies: it is made in place, and the record says when all of it is there.
    shutil.rmtree(kept, ignore_errors=True)
    into = kept / "bento"
    shutil.copytree(sources.store() / "bentos" / tag.replace(":", "/"), into)
    for model in _models(into):
        name, _, version = model.partition(":")
        shutil.copytree(sources.store() / "models" / name / version, into / "models" / name / version)
        write(into / "models" / name / "latest", version)
    with progress.phase(f"what {made_of.model} requires"):
        _environment(kept / "venv", into)
    build = Build(
        model=made_of.model,
        image=f"localhost/slipway/{made_of.model}@sha256:{_digest(into)}",
        source=source,
        folder=str(kept),
        environment=made_of.environment(),
        one_ms=made_of.one_ms(),
    )
    write(kept / _RECORD, json.dumps(asdict(build), indent=1))


def _bentoml(made_of: Sources, *arguments: str) -> str:
    # BentoML reads nothing that lies outside the folder it is started in.
    return run(words_of_bentoml(*arguments), env={**os.environ, **QUIET}, cwd=made_of.folder.parent.parent)


def _models(into: Path) -> list[str]:
    """Tags of the models that a Bento names."""
    told = yaml.safe_load((into / "bento.yaml").read_text())
    named = [*(told.get("models") or []), *(each for part in told["services"] for each in part.get("models") or [])]
    return list(dict.fromkeys(str(each["tag"]) for each in named))


def _environment(venv: Path, into: Path) -> None:
    """What the Dockerfile of a Bento does, with the Python at hand."""
    requirements = into / "env" / "python" / "requirements.txt"
    try:
        run([uv(), "venv", "--quiet", "--python", sys.executable, venv])
        words = ("--directory", into / "src", "pip", "install", "--quiet", "--python", venv / "bin" / "python")
        run([uv(), *words, "--requirement", requirements], timeout=1800)
    except CommandError as error:
        msg = f"what {into.parent.parent.name} requires could not be installed:\n{error.output.strip()}"
        raise BuildError(msg, remedy="its requirements are locked for Python 3.11 on Linux; use that") from error


def _digest(folder: Path) -> str:
    """Of all files of a folder and their names."""
    digest = hashlib.sha256()
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(str(file.relative_to(folder)).encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
