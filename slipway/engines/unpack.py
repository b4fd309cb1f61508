"""Takes engines from a pack instead of building them (`SLIPWAY_ENGINES`; `slipway.engines.pack` wrote it).

The pin decides, never the pack: a program is taken when the pack's copy was made from the pin of this checkout, and
lands in that pin's folder of the cache. Every file is checked before any is placed, and nothing half-done stays.
"""

import hashlib
import lzma
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from slipway.engines import cache
from slipway.engines.entries import Engine
from slipway.engines.locks import exclusively
from slipway.engines.manifest import NAME, Manifest, ManifestError, Packed, differences, this_machine
from slipway.engines.source import OTHERWISE, Source, fetch
from slipway.errors import EngineError
from slipway.progress import Phase, Progress

_CHUNK = 2**20
_LARGEST_MANIFEST = 2**20
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)


def take(source: Source, engines: list[Engine], progress: Progress) -> None:
    """Place in the cache what a pack has of these engines; what it lacks is named and left to be built.

    Raises:
        EngineError: The pack cannot be had, was damaged, or is for other machines. Nothing of it was placed.
    """
    cache.folder().mkdir(parents=True, exist_ok=True)
    others = "another `slipway` that takes engines from a pack"
    with (
        progress.phase(f"engines from {source}") as phase,
        exclusively(cache.unpacking_lock(), phase, waiting_for=others),
    ):
        wanted = [engine for engine in engines if cache.cached(engine) is None]
        phase.detail = _take(source, wanted, phase) if wanted else f"brought by {others}"


def _take(source: Source, wanted: list[Engine], phase: Phase) -> str:
    """Take what can be taken; returns what is to be told about it."""
    with _scratch(cache.unpacking_folder()) as folder:
        archive, checked = folder / "archive", folder / "engines"
        checked.mkdir()
        digest = fetch(source, archive, phase)
        manifest = _check(source, archive, checked, wanted, phase)
        taken = [engine for engine in wanted if _fits(manifest, engine)]
        _place(taken, checked, f"{source} (SHA-256 {digest})", phase)
    said = [f"{len(taken)} programs", *(f"{each}: to be built" for each in differences(manifest, wanted))]
    if source.unprotected:
        said.append("over plain http and without #sha256=, anybody on the way may have replaced it")
    return "; ".join(said)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder that is empty at first (a killed `slipway` may have left it) and gone in the end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fits(manifest: Manifest, engine: Engine) -> bool:
    packed = manifest.packed(engine.name)
    return packed is not None and packed.fits(engine)


def _check(source: Source, archive: Path, into: Path, wanted: list[Engine], phase: Phase) -> Manifest:
    """Check the whole archive against its manifest, and extract what is wanted and fits into a folder."""
    try:
        with lzma.open(archive) as plain, tarfile.open(fileobj=plain, mode="r|") as members:
            manifest = _manifest(members)
            _this_machine(manifest)
            targets = {engine.name: into / engine.name for engine in wanted if _fits(manifest, engine)}
            _members(members, manifest, targets, phase)
            while plain.read(_CHUNK):
                pass  # up to the end, where xz's own checksum is
    except (_Fault, ManifestError) as error:
        raise _refusal(source, f"{error}") from error
    except (lzma.LZMAError, tarfile.TarError, EOFError, UnicodeError) as error:
        raise _refusal(source, f"is damaged or incomplete ({error})") from error
    except OSError as error:
        msg = f"the pack {source} cannot be unpacked into {into}: {error.strerror or error}"
        raise EngineError(msg, remedy="free disk space in the cache's file system") from error
    return manifest


class _Fault(Exception):  # noqa: N818  # it becomes an EngineError once the pack's name is known
    """What is wrong with an archive."""


def _refusal(source: Source, what: str) -> EngineError:
    remedy = f"fetch or make it again with `slipway engines pack`, {OTHERWISE}; nothing of it was used"
    return EngineError(f"the pack {source} {what}", remedy=remedy)


def _manifest(members: tarfile.TarFile) -> Manifest:
    first = members.next()
    if first is None or first.name != NAME or first.type not in _PLAIN or first.size > _LARGEST_MANIFEST:
        raise _Fault(f"does not begin with a {NAME}: it is no pack of engines")
    return Manifest.from_json(_content(members, first).read())


def _this_machine(manifest: Manifest) -> None:
    here = this_machine()
    if (manifest.system, manifest.machine) != here:
        raise _Fault(f"is for {manifest.system} on {manifest.machine}; this machine is {' on '.join(here)}")


def _members(members: tarfile.TarFile, manifest: Manifest, targets: dict[str, Path], phase: Phase) -> None:
    expected = {packed.member: packed for packed in manifest.engines}
    while (member := members.next()) is not None:
        packed = _expected(member, expected)
        phase.note(f"checking {packed.name}")
        _extract(members, member, packed, targets.get(packed.name))
    if expected:
        raise _Fault(f"lacks {', '.join(sorted(expected))}, which its {NAME} lists")


def _expected(member: tarfile.TarInfo, expected: dict[str, Packed]) -> Packed:
    """The manifest's entry of a member, which is struck off: each comes once."""
    shown = ascii(member.name)
    if member.name.startswith("/") or ".." in member.name.split("/"):
        raise _Fault(f"has a member outside of its own folder, {shown}")
    if member.type not in _PLAIN or member.issparse():
        raise _Fault(f"has a member that is no plain file, {shown}")
    packed = expected.pop(member.name, None)
    if packed is None:
        raise _Fault(f"has a member twice or one that its {NAME} does not list, {shown}")
    if member.size != packed.size:
        raise _Fault(f"has {member.size} bytes of {packed.name}, and its {NAME} says {packed.size}")
    return packed


def _extract(members: tarfile.TarFile, member: tarfile.TarInfo, packed: Packed, target: Path | None) -> None:
    content, digest = _content(members, member), hashlib.sha256()
    with Path(os.devnull if target is None else target).open("wb") as file:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        if target is not None:
            # In the cache, what is there counts as whole; that must outlive a power failure.
            file.flush()
            os.fsync(file.fileno())
    if digest.hexdigest() != packed.sha256:
        raise _Fault(f"has a {packed.name} whose SHA-256 is not the one its {NAME} lists")


def _content(members: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = members.extractfile(member)
    if content is None:
        raise _Fault(f"has a member that is no plain file, {member.name!a}")
    return content


def _place(engines: list[Engine], checked: Path, pack: str, phase: Phase) -> None:
    for engine in engines:
        if engine.module is None:
            continue
        folder = cache.cache_folder(engine.module)
        folder.mkdir(exist_ok=True)
        with exclusively(cache.build_lock(engine.module), phase, waiting_for=f"a build of {engine.module.name}"):
            if cache.cached(engine) is None:
                cache.place(checked / engine.name, folder / engine.name, pack=pack)
