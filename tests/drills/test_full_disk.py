"""A disk that is full, and freed again: the next `up` finds everything that was in the instance."""

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.patient import Patient, left_by
from tests.snapshot import Snapshot

pytestmark = pytest.mark.drill
_SIZE = "5G"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of a size that can be filled."""
    folder, image = tmp_path / "disk", tmp_path / "disk.img"
    folder.mkdir()
    subprocess.run(["truncate", "-s", _SIZE, image], check=True)  # sparse: it takes what is written
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)
    image.unlink()


def test_a_full_disk_that_is_freed_loses_nothing(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Snapshot.take()
    monkeypatch.setenv("XDG_STATE_HOME", str(disk))  # for this process, too: it asks the same instance
    patient = Patient(f"drill-{secrets.token_hex(3)}")
    try:
        patient.run("up")
        patient.remember()
        ballast = disk / "ballast"
        _fill(disk, ballast)
        process = patient.start("up")
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 1, said
        assert "free some space there" in said
        # What writes meets the full disk, and must not take what is there with it.
        with pytest.raises(Exception, match=r"."):
            patient.aws("s3").put_object(Bucket="kept", Key="large", Body=b"x" * 2**20)
        ballast.unlink()
        patient.run("up")
        patient.assert_well()
    finally:
        patient.run("down")
    assert left_by(patient, before) == {}


def _fill(disk: Path, ballast: Path) -> None:
    """Take all there is, to the last block."""
    with ballast.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - 2**24)
        file.seek(0, os.SEEK_END)
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
