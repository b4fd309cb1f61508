"""A machine with small engines, for the tests of packs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tenacity

from slipway.engines import entries, pack, source
from slipway.progress import Progress
from tests.slipway.engines import fakes


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with everything: `modules` (the pins), `bin` (PATH), `cache` (XDG_CACHE_HOME), which is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(source.VARIABLE, raising=False)
    monkeypatch.setattr(source, "_WAIT", tenacity.wait_none())
    fakes.install(tmp_path, monkeypatch.setattr)
    fakes.pins(tmp_path, alpha="1.34.3", beta="0.4.0")
    yield tmp_path
    entries._pinned.cache_clear()


@pytest.fixture
def packed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack that a colleague made; this machine's cache is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine / "colleague"))
    fakes.fill_cache()
    written = pack.write(machine / "engines.tar.xz", Progress(quiet=True))
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine / "cache"))
    return written.file
