"""Programs out of wheels: the one that is pinned, and no other."""

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from slipway.engines import build, entries, locate
from slipway.engines.cache import cache_folder, pin
from slipway.engines.entries import Engine, Wheel
from slipway.engines.serving import ENVOY
from slipway.errors import CommandError, EngineError
from slipway.progress import Progress

MAST = Wheel(name="mast", distribution="mast-server")
PROGRAM = b"#!/bin/sh\necho mast 1.2.0\n"


def program(file: str = "mast/_bin/mast") -> Engine:
    return Engine(name="mast", purpose="x", needed_by=frozenset(), module=MAST, file=file, folders=entries.OURS_ALONE)


def made(wheels: Path) -> Path:
    """A wheel with a program in it."""
    wheels.mkdir()
    wheel, about = wheels / "mast_server-1.2.0-py3-none-any.whl", "mast_server-1.2.0.dist-info"
    files = {
        "mast/_bin/mast": PROGRAM,
        f"{about}/METADATA": b"Metadata-Version: 2.1\nName: mast-server\nVersion: 1.2.0\n",
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {n: base64.urlsafe_b64encode(hashlib.sha256(c).digest()).decode().rstrip("=") for n, c in files.items()}
    record = "".join(f"{name},sha256={digests[name]},{len(content)}\n" for name, content in files.items())
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {**files, f"{about}/RECORD": f"{record}{about}/RECORD,,\n".encode()}.items():
            archive.writestr(name, content)
    return wheel


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The requirements that pin a wheel, which the only index there is has."""
    wheel = made(tmp_path / "wheels")
    locks = tmp_path / "requirements"
    locks.mkdir()
    pinned = f"mast-server==1.2.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    (locks / "mast.txt").write_text(pinned)
    monkeypatch.setattr(entries, "LOCKS", locks)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    entries._pinned.cache_clear()
    return locks / "mast.txt"


def test_a_program_comes_out_of_its_wheel_into_the_cache(lock: Path) -> None:
    assert lock.is_file()
    with Progress(quiet=True).phase("build") as phase:
        build.build(MAST, [program()], phase)
    found = locate.locate(program()).found
    assert found is not None
    assert (found.version, found.path) == ("1.2.0", cache_folder(MAST) / "mast")
    assert (found.path.read_bytes(), found.path.stat().st_mode & 0o777) == (PROGRAM, 0o755)
    assert sorted(each.name for each in cache_folder(MAST).iterdir()) == [".lock", "mast"]


def test_a_wheel_with_another_hash_is_refused(lock: Path) -> None:
    lock.write_text(f"mast-server==1.2.0 --hash=sha256:{hashlib.sha256(b'another').hexdigest()}\n")
    with Progress(quiet=True).phase("build") as phase, pytest.raises(CommandError, match=r"(?i)hash"):
        build.build(MAST, [program()], phase)
    assert locate.locate(program()).found is None


def test_a_wheel_without_the_program_is_an_error_that_names_it(lock: Path) -> None:
    assert lock.is_file()
    with (
        Progress(quiet=True).phase("build") as phase,
        pytest.raises(EngineError, match=r"the wheel mast-server 1\.2\.0 has no file bin/mast"),
    ):
        build.build(MAST, [program("bin/mast")], phase)


def test_another_lock_is_another_pin(lock: Path) -> None:
    before = pin(MAST)
    lock.write_text(f"{lock.read_text()}# again\n")
    assert pin(MAST) != before


def test_envoy_is_pinned_with_its_hashes() -> None:
    assert ENVOY.version.startswith("1.39.")
    assert "--hash=sha256:" in ENVOY.lock.read_text()
