"""One bento from its sources to an image: what changed is built, what did not is taken from the cache."""

import hashlib
import json
import os
import shlex
import shutil
import sys
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.models.builds import LOCK
from slipway import paths
from slipway.building.base import RECIPE, Builder
from slipway.engines.toolchain import uv
from slipway.errors import BuildError, CommandFailed
from slipway.progress import Phase, Progress
from slipway.running import run

_LENT = "/usr/local/bin"
"""Where the builder's `uv` is seen while an image is built: on PATH, and empty in the base."""
_IGNORED = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


@dataclass(frozen=True)
class Build:
    """What a build made.

    Attributes:
        model: The bento's name.
        image: The image by digest, `localhost/slipway/digits@sha256:…`.
        bento: Tag of the Bento in BentoML's store of this machine.
        source: Fingerprint of the sources.
        unpacked_bytes: Size of the image's file system.
        archive: The image as an OCI archive.
    """

    model: str
    image: str
    bento: str
    source: str
    unpacked_bytes: int
    archive: str


def bentos(checkout: Path = paths.REPOSITORY) -> list[str]:
    """Names of the bentos in the repository."""
    return sorted(folder.parent.name for folder in (checkout / "bentos").glob("*/bentofile.yaml"))


def fingerprint(folder: Path) -> str:
    """Changes with any source of a bento, and with the way images are made."""
    digest = hashlib.sha256(f"recipe {RECIPE}".encode())
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not _IGNORED & set(file.relative_to(folder).parts):
            digest.update(str(file.relative_to(folder)).encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def ensure(model: str, builder: Builder, progress: Progress, *, checkout: Path = paths.REPOSITORY) -> Build:
    """Build a bento unless the same sources were built on this machine, and record it in the lock.

    Raises:
        BuildError: There is no such bento, its gate was not passed, or BentoML failed.
    """
    folder = checkout / "bentos" / model
    if model not in bentos(checkout):
        msg = f"there is no bento {model!r}; bentos/ has {', '.join(bentos(checkout)) or 'none'}"
        raise BuildError(msg, remedy=f"make bentos/{model}/bentofile.yaml, or correct the name")
    source = fingerprint(folder)
    kept = paths.cache() / "images" / model / source
    record = kept / "build.json"
    if record.exists() and (kept / "image.oci.tar").exists():
        build = Build(**json.loads(record.read_text()))
    else:
        partial = kept.with_name(f".{source}-{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            build = _build(model, folder, source, partial, kept, builder, progress)
            (partial / "build.json").write_text(json.dumps(asdict(build), indent=1))
            shutil.rmtree(kept, ignore_errors=True)
            partial.rename(kept)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    _write_lock(build, checkout / "stacks" / LOCK.name)
    return build


def _build(
    model: str, folder: Path, source: str, partial: Path, kept: Path, builder: Builder, progress: Progress
) -> Build:
    env = {**builder.environment(), "BENTOML_DO_NOT_TRACK": "True", "PYTHONDONTWRITEBYTECODE": "1"}
    bentoml = [sys.executable, "-W", "ignore", "-m", "bentoml"]
    with progress.phase("base image") as phase:
        base = builder.base(phase)
    if (folder / "train.py").exists():
        with progress.phase(f"train {model}") as phase:
            try:
                said = run([sys.executable, folder / "train.py"], env=env, timeout=3600)
            except CommandFailed as error:
                msg = f"{model} was not trained to its gate:\n{error.output.strip()}"
                raise BuildError(msg, remedy=f"run `python bentos/{model}/train.py` to see it again") from error
            phase.detail = said.strip().splitlines()[-1]
    with progress.phase(f"bentoml build {model}") as phase:
        said = run([*bentoml, "build", folder, "--output", "tag"], env={**env, "SLIPWAY_BASE_IMAGE": base})
        tag = said.strip().rsplit("__tag__:", 1)[-1].split()[0]
        phase.detail = tag
    with progress.phase(f"bentoml containerize {tag}") as phase:
        name = f"localhost/slipway/{model}:{source}"
        run([*bentoml, *_containerize(tag, name, builder)], env=env, on_line=phase.note)
        phase.note("writing the archive")
        archive = partial / "image.oci.tar"
        builder.buildah("push", "--quiet", "--format", "oci", name, f"oci-archive:{archive}:{name}")
        builder.buildah("rmi", name)
        digest, size = inspect(archive)
        phase.detail = f"{size / 1e6:.0f} MB unpacked"
    return Build(
        model=model,
        image=f"localhost/slipway/{model}@{digest}",
        bento=tag,
        source=source,
        unpacked_bytes=size,
        archive=str(kept / "image.oci.tar"),
    )


def _containerize(tag: str, name: str, builder: Builder) -> list[str]:
    """Arguments of `bentoml containerize`: what the build needs and the image does not is lent to it."""
    lent = builder.folder / "lent"
    (lent / "cache").mkdir(parents=True, exist_ok=True)
    shutil.copy2(Path(uv()).resolve(), lent / "real-uv")
    settings = {key: value for key, value in os.environ.items() if key.startswith("UV_") and "DIR" not in key}
    certificates = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    if certificates.exists():
        shutil.copy2(certificates, lent / "certificates.crt")
        settings["SSL_CERT_FILE"] = f"{_LENT}/certificates.crt"
    settings |= {"UV_CACHE_DIR": f"{_LENT}/cache", "UV_LINK_MODE": "copy"}
    exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in sorted(settings.items()))
    (lent / "uv").write_text(f'#!/bin/sh\n{exports}exec {_LENT}/real-uv "$@"\n')
    (lent / "uv").chmod(0o755)
    # One `--opt` of each kind: BentoML 1.4 joins several of one kind into a single one.
    options = ("network=host", f"volume={lent}:{_LENT}", "format=oci")
    arguments = ["containerize", tag, "--backend", "buildah", "--image-tag", name]
    return [*arguments, *(word for option in options for word in ("--opt", option))]


def inspect(archive: Path) -> tuple[str, int]:
    """The digest of an archive's image, and the bytes of its files when unpacked.

    Raises:
        BuildError: The archive holds no image.
    """
    import gzip

    with tarfile.open(archive) as tar:

        def read(name: str) -> bytes:
            member = tar.extractfile(name)
            assert member is not None
            return member.read()

        index = json.loads(read("index.json"))
        if len(index["manifests"]) != 1:
            msg = f"{archive} holds {len(index['manifests'])} images"
            raise BuildError(msg)
        digest = index["manifests"][0]["digest"]
        manifest = json.loads(read(f"blobs/sha256/{digest.removeprefix('sha256:')}"))
        size = 0
        for layer in manifest["layers"]:
            blob = tar.extractfile(f"blobs/sha256/{layer['digest'].removeprefix('sha256:')}")
            assert blob is not None
            stream = gzip.open(blob) if layer["mediaType"].endswith("gzip") else blob
            with tarfile.open(fileobj=stream, mode="r|") as files:
                size += sum(member.size for member in files if member.isfile())
    return digest, size


def _write_lock(build: Build, lock: Path) -> None:
    entries = json.loads(lock.read_text()) if lock.exists() else {}
    entry = {"image": build.image, "source": build.source, "archive": build.archive}
    if entries.get(build.model) != entry:
        entries[build.model] = entry
        lock.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n")
