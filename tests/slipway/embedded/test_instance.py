"""What an instance leaves when it goes."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from slipway import paths
from slipway.embedded.instance import Instance, instances


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    monkeypatch.setattr(paths, "state", lambda: tmp_path / "state")
    monkeypatch.setattr(paths, "runtime", lambda: tmp_path / "run")
    made = Instance("gone")
    for folder in (made.folder, made.runtime):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    return made


def test_nothing_is_left_of_it(instance: Instance, tmp_path: Path) -> None:
    instance.forget()
    assert instances() == []
    assert list(tmp_path.iterdir()) == []


def test_what_another_down_has_removed_meanwhile_is_no_fault(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = shutil.rmtree

    def twice(folder: Path, **how: Any) -> None:
        remove(folder)
        remove(folder, **how)

    monkeypatch.setattr("slipway.embedded.instance.shutil.rmtree", twice)
    instance.forget()
    assert instances() == []


def test_what_cannot_be_removed_is_told(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: Path, **how: Any) -> None:
        how["onerror"](None, str(folder), (PermissionError, PermissionError("no"), None))

    monkeypatch.setattr("slipway.embedded.instance.shutil.rmtree", refused)
    with pytest.raises(PermissionError):
        instance.forget()
