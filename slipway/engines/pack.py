"""Packs the engine cache into one archive, so that a team builds once (`slipway.engines.unpack` uses it).

The archive is a `tar.xz`. Nothing in it depends on who packs where or when, so the same cache gives the same bytes, as
long as liblzma is the same.
"""

import hashlib
import io
import lzma
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from slipway.engines.cache import cached, pin
from slipway.engines.entries import OF_SOME_STACKS, Engine
from slipway.engines.locate import locate
from slipway.engines.manifest import NAME, Manifest, Packed, this_machine
from slipway.engines.table import ENGINES
from slipway.errors import EngineError
from slipway.progress import Phase, Progress

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 128 * 2**20}]
"""Kubernetes' programs share most of their packages: a dictionary (bytes) that reaches back over a whole program finds
them again. Measured on the real ones (691 MB, one core): 103 MB in 64 s with 0.9 GiB of memory, unpacked in 6 s. With
the preset's own dictionary of 1 MiB 154 MB in 39 s, with gzip 201 MB in 19 s.
"""


@dataclass(frozen=True)
class Pack:
    """A pack that was written.

    Attributes:
        file: Where it is.
        sha256: Its own checksum.
        size: Its size in bytes.
        manifest: What it holds.
        left_out: Programs that are found on PATH and not in the cache, with their paths: they are not in it.
        not_built: Programs that only some stacks need and that were not built: they are not in it either.
    """

    file: Path
    sha256: str
    size: int
    manifest: Manifest
    left_out: dict[str, Path]
    not_built: list[str]

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "file": str(self.file.absolute()),
            "sha256": self.sha256,
            "bytes": self.size,
            **self.manifest.model_dump(),
            "left_out": {name: str(path) for name, path in self.left_out.items()},
            "not_built": self.not_built,
        }


def default_name() -> str:
    """The file name of a pack for this machine."""
    return f"slipway-engines-{'-'.join(this_machine())}.tar.xz"


def write(output: Path, progress: Progress) -> Pack:
    """Pack every engine of this checkout's pins; the file appears whole or not at all.

    Args:
        output: The file to write, or the folder to write it into.
        progress: Where phases are told.

    Raises:
        EngineError: An engine is not in the cache, or the file cannot be written.
    """
    output = output / default_name() if output.is_dir() else output
    programs, left_out, not_built = _programs()
    partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
    try:
        with progress.phase("checksums") as phase:
            manifest = _manifest(programs, phase)
        with progress.phase(f"pack {len(programs)} engines") as phase:
            with lzma.open(partial, "wb", filters=_FILTERS) as compressed:
                _write(compressed, manifest, {engine.name: file for engine, file in programs.items()}, phase)
            with partial.open("rb") as written:
                digest = hashlib.file_digest(written, "sha256").hexdigest()
            phase.detail = f"{partial.stat().st_size / 1e6:.0f} MB"
        partial.replace(output)
    except OSError as error:
        msg = f"the pack cannot be written to {output}: {error.strerror or error}"
        raise EngineError(msg, remedy="choose another place with `-o FILE`, or free disk space") from error
    finally:
        partial.unlink(missing_ok=True)
    return Pack(output, digest, output.stat().st_size, manifest, left_out, not_built)


def _programs() -> tuple[dict[Engine, Path], dict[str, Path], list[str]]:
    """What is packed, what is not as this machine has it outside the cache, and what not every stack needs."""
    packed: dict[Engine, Path] = {}
    left_out: dict[str, Path] = {}
    not_built: list[str] = []
    missing: list[str] = []
    for engine in ENGINES:
        if engine.module is None:
            continue
        program = cached(engine)
        if program is not None:
            packed[engine] = program
        elif (found := locate(engine).found) is not None:
            left_out[engine.name] = found.path
        elif engine.needed_by <= {*OF_SOME_STACKS}:  # packed where it was built, and not asked for
            not_built.append(engine.name)
        else:
            missing.append(engine.name)
    if missing:
        msg = f"not in the engine cache: {', '.join(missing)}"
        raise EngineError(msg, remedy="run `slipway engines build`, then pack again")
    if not packed:
        msg = "the engine cache is empty: every engine is found on PATH"
        raise EngineError(msg, remedy="nothing needs packing; a pack is for what is built from pins")
    return packed, left_out, not_built


def _manifest(programs: dict[Engine, Path], phase: Phase) -> Manifest:
    engines: list[Packed] = []
    for engine, program in sorted(programs.items(), key=lambda item: item[0].name):
        phase.note(engine.name)
        with program.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if engine.module is not None:
            engines.append(
                Packed(
                    name=engine.name,
                    version=engine.module.version,
                    pin=pin(engine.module),
                    sha256=digest,
                    size=program.stat().st_size,
                )
            )
    phase.detail = ""
    system, machine = this_machine()
    return Manifest(system=system, machine=machine, engines=engines)


def _write(into: IO[bytes], manifest: Manifest, programs: dict[str, Path], phase: Phase) -> None:
    """Write the archive with nothing in it but the content: sorted, no times, no owners."""
    total = sum(packed.size for packed in manifest.engines)
    done = 0
    with tarfile.open(fileobj=into, mode="w|", format=tarfile.USTAR_FORMAT) as archive:
        content = manifest.to_json()
        archive.addfile(_member(NAME, len(content), 0o644), io.BytesIO(content))
        for packed in manifest.engines:
            phase.note(f"{packed.name}, {done / 1e6:.0f} of {total / 1e6:.0f} MB done")
            with programs[packed.name].open("rb") as program:
                archive.addfile(_member(packed.member, packed.size, 0o755), program)
            done += packed.size


def _member(name: str, size: int, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, mode
    return info
