"""One bento from its sources to an image: what changed is built, what did not is taken from the cache."""

import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from infra.models.builds import IMAGES
from slipway import bentofiles, paths
from slipway.building import sources
from slipway.building.archive import Archive
from slipway.building.base import RECIPE, Builder
from slipway.building.sources import QUIET, Sources, words_of_bentoml
from slipway.engines.locate import Programs
from slipway.engines.toolchain import uv
from slipway.errors import BuildError
from slipway.files import write
from slipway.progress import Progress

_ARCHIVE = "image.oci.tar"
_LENT = "/usr/local/bin"
"""Where the builder's `uv` is seen while an image is built: on PATH, and empty in the base."""


@dataclass(frozen=True)
class Build:
    """What a build made.

    Attributes:
        model: The bento's name.
        image: The image by digest, `localhost/slipway/digits@sha256:…`.
        source: Fingerprint of the sources.
        unpacked_bytes: Size of the image's file system.
        archive: The image as an OCI archive.
        one_ms: Milliseconds that the model took for one item alone, on this machine; 0 where nobody knows.
    """

    model: str
    image: str
    source: str
    unpacked_bytes: int
    archive: str
    one_ms: float = 0.0


def bentofile(model: str, checkout: Path = paths.REPOSITORY) -> Path:
    """The file that a bento is built from, where it really is: BentoML reads nothing that a link leads to.

    Raises:
        BuildError: There is no bento of that name.
    """
    found = bentofiles.found(checkout)
    if model not in found:
        msg = f"there is no bento {model!r}; bentos/ has {', '.join(found) or 'none'}"
        raise BuildError(msg, remedy=f"make bentos/{model}/{bentofiles.PLAIN}, or correct the name")
    return found[model].resolve()


def fingerprint(folder: Path) -> str:
    """Changes with any source of a bento and of what it carries, and with the way images are made."""
    return sources.fingerprint(f"recipe {RECIPE}", folder, folder.parent / sources.KIT)


def ensure(model: str, programs: Programs, progress: Progress, *, checkout: Path = paths.REPOSITORY) -> Build:
    """Build a bento unless the same sources were built on this machine, and record it in the lock.

    Raises:
        BuildError: There is no such bento, its gate was not passed, or BentoML failed.
    """
    file = bentofile(model, checkout)
    source = fingerprint(file.parent)
    kept = paths.cache() / "images" / model / source
    build = _kept(kept)
    if build is None:
        with Builder(programs) as builder:
            # Another build may have made it while this one waited.
            build = _kept(kept) or _build(_Image(model, file, builder, progress), source, kept)
    write_lock(build, checkout / "stacks" / IMAGES)
    return build


def built_here() -> Iterator[Build]:
    """Every build that this machine keeps, of sources new and old."""
    for record in sorted((paths.cache() / "images").glob("*/[!.]*/build.json")):
        told = json.loads(record.read_text())
        if (record.parent / _ARCHIVE).exists():
            # An older version of this command knew less of a build.
            yield Build(**{each.name: told[each.name] for each in fields(Build) if each.name in told})


def _kept(folder: Path) -> Build | None:
    record = folder / "build.json"
    if not record.exists() or not (folder / _ARCHIVE).exists():
        return None
    return Build(**json.loads(record.read_text()))


def _build(image: "_Image", source: str, kept: Path) -> Build:
    partial = kept.with_name(f".{source}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        made = image.build(f"localhost/slipway/{image.model}:{source}", partial)
        one_ms = image.one_ms()
        build = Build(
            model=image.model,
            image=f"localhost/slipway/{image.model}@{made.digest}",
            source=source,
            unpacked_bytes=sum(made.files().values()),
            archive=str(kept / _ARCHIVE),
            one_ms=one_ms,
        )
        write(partial / "build.json", json.dumps(asdict(build), indent=1))
        shutil.rmtree(kept, ignore_errors=True)
        partial.rename(kept)
        return build
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Image(Sources):
    """The steps from a bento's sources to an archive of its image."""

    def __init__(self, model: str, bentofile: Path, builder: Builder, progress: Progress) -> None:
        super().__init__(model, bentofile, progress)
        self._builder = builder

    def build(self, name: str, into: Path) -> Archive:
        """Train, build, containerize; the image called `name` ends as an archive in a folder."""
        with self._progress.phase("base image") as phase:
            base = self._builder.base(phase)
        self.train()
        tag = self.bento(lambda *arguments: self._bentoml(*arguments, base=base))
        with self._progress.phase(f"bentoml containerize {tag}") as phase:
            self._bentoml(*_containerize(tag, name, self._builder), base=base, on_line=phase.note)
            phase.note("writing the archive")
            archive = into / _ARCHIVE
            self._builder.buildah("push", "--quiet", "--format", "oci", name, f"oci-archive:{archive}:{name}")
            self._builder.buildah("rmi", name)
            phase.detail = f"{archive.stat().st_size / 1e6:.0f} MB packed"
        return Archive(archive)

    def _bentoml(self, *arguments: str, base: str, on_line: Callable[[str], None] | None = None) -> str:
        # BentoML reads nothing that lies outside the folder it is started in.
        env = {**QUIET, "SLIPWAY_BASE_IMAGE": base}
        return self._builder.run(*words_of_bentoml(*arguments), env=env, cwd=self.folder.parent.parent, on_line=on_line)


def _containerize(tag: str, name: str, builder: Builder) -> list[str]:
    """Arguments of `bentoml containerize`: what the build needs and the image does not is lent to it."""
    lent = builder.folder / "lent"
    (lent / "cache").mkdir(parents=True, exist_ok=True)
    _lend(Path(uv()).resolve(), lent / "real-uv")
    settings = {key: value for key, value in os.environ.items() if key.startswith("UV_") and "DIR" not in key}
    certificates = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    if certificates.exists():
        _lend(certificates, lent / "certificates.crt")
        settings["SSL_CERT_FILE"] = f"{_LENT}/certificates.crt"
    settings |= {"UV_CACHE_DIR": f"{_LENT}/cache", "UV_LINK_MODE": "copy"}
    exports = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in sorted(settings.items()))
    (lent / "uv").write_text(f'#!/bin/sh\n{exports}exec {_LENT}/real-uv "$@"\n')
    (lent / "uv").chmod(0o755)
    # One `--opt` of each kind: BentoML 1.4 joins several of one kind into a single one.
    options = ("network=host", f"volume={lent}:{_LENT}", "format=oci")
    arguments = ["containerize", tag, "--backend", "buildah", "--image-tag", name]
    return [*arguments, *(word for option in options for word in ("--opt", option))]


def _lend(source: Path, target: Path) -> None:
    """Copy a file in one step: another build may be using the one that is there."""
    partial = target.with_name(f".{target.name}-{os.getpid()}")
    shutil.copy2(source, partial)
    partial.replace(target)


def write_lock(build: Build, lock: Path) -> None:
    """Record a build as what `image: built` means."""
    entries = json.loads(lock.read_text()) if lock.exists() else {}
    entry = {"image": build.image, "source": build.source, "archive": build.archive, "one_ms": build.one_ms}
    if entries.get(build.model) != entry:
        entries[build.model] = entry
        write(lock, json.dumps(entries, indent=1, sort_keys=True) + "\n", mode=0o644)
