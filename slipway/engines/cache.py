"""The engine cache: which folder belongs to which pin, and how a program came there.

`<cache>/engines/kubernetes-1.34.4-9934d4b938ed/kubelet` is a program; `.kubelet.pack` beside it is there when it came
from a pack, and says from which.
"""

import hashlib
import platform
import shutil
from pathlib import Path

from slipway import files, paths
from slipway.engines.entries import Engine, Upstream
from slipway.engines.locks import if_free
from slipway.engines.table import ENGINES

_LOCK = ".lock"
_PARTIAL = ".partial"


def folder() -> Path:
    """Where the folders of all pins lie."""
    return paths.cache() / "engines"


def unpacking_folder() -> Path:
    """Where a pack is fetched and checked; it is there only meanwhile."""
    return folder() / ".pack"


def unpacking_lock() -> Path:
    """Held by whoever fetches a pack."""
    return folder() / ".pack.lock"


def build_folder(module: Upstream) -> Path:
    """Where the programs of a module are built; it is there only meanwhile."""
    return cache_folder(module) / _PARTIAL


def build_lock(module: Upstream) -> Path:
    """Held by whoever places programs of a module."""
    return cache_folder(module) / _LOCK


def pin(module: Upstream) -> str:
    """The digest of everything that decides what a module's programs are (SHA-256, hexadecimal)."""
    key = hashlib.sha256()
    for part in (
        *module.pinned_by(),
        platform.machine().encode(),
        *(repr(chart).encode() for chart in module.charts),
    ):
        key.update(hashlib.sha256(part).digest())
    return key.hexdigest()


def cache_folder(module: Upstream) -> Path:
    """Where the programs of a project lie once built: a folder named after its pin."""
    return folder() / f"{module.name}-{module.version}-{pin(module)[:12]}"


def cached(engine: Engine) -> Path | None:
    """The program of an engine, if the cache has it at this checkout's pin."""
    if engine.module is None:
        return None
    program = cache_folder(engine.module) / engine.name
    return program if program.is_file() else None


def pack_of(program: Path) -> str:
    """The pack a cached program came from; empty when it was built here."""
    record = _record(program)
    return record.read_text(errors="replace").strip() if record.is_file() else ""


def place(program: Path, target: Path, *, pack: str = "") -> None:
    """Put a finished program into the cache in one step. The lock of its module must be held.

    Args:
        program: The program; it is moved, and must be on the cache's file system.
        target: Its place.
        pack: The pack it came from; empty when it was built.
    """
    program.chmod(0o755)
    # The record first: without its program it says nothing, and a program never stands beside a wrong one.
    if pack:
        files.write(_record(target), f"{pack}\n", mode=0o644)
    else:
        _record(target).unlink(missing_ok=True)
    program.rename(target)


def clean() -> list[Path]:
    """Remove the engines that no pin names any more, and what killed builds and downloads left; returns what went.

    What a running `slipway` is at work on is left alone.
    """
    gone: list[Path] = []
    if unpacking_folder().exists():
        with if_free(unpacking_lock()) as free:
            gone += [unpacking_folder()] if free else []
            _remove(gone)
    current = {cache_folder(entry.module) for entry in ENGINES if entry.module is not None}
    for each in sorted(folder().glob("[!.]*")):
        with if_free(each / _LOCK) as free:
            if free:
                doomed = _leftovers(each) if each in current else [each]
                _remove(doomed)
                gone += doomed
    return gone


def _record(program: Path) -> Path:
    return program.with_name(f".{program.name}.pack")


def _leftovers(of_a_pin: Path) -> list[Path]:
    """What a killed command left in a folder that is in use."""
    records = (each for each in of_a_pin.glob(".*.pack") if not (of_a_pin / each.name[1:-5]).exists())
    return sorted({*of_a_pin.glob(f"{_PARTIAL}*"), *of_a_pin.glob(f".*{_PARTIAL}"), *records})


def _remove(doomed: list[Path]) -> None:
    for each in doomed:
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink()
