"""The package as it is put into a Bento."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from slipway.paths import REPOSITORY

KIT = REPOSITORY / "bentos" / "kit"


def test_the_wheel_has_every_module(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=KIT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("slipway_kit-*-py3-none-any.whl")
    modules = {path.relative_to(KIT).as_posix() for path in (KIT / "slipway_kit").rglob("*.py")}
    assert modules <= set(zipfile.ZipFile(wheel).namelist())


def test_what_is_tested_is_what_the_package_asks_for() -> None:
    package = tomllib.loads((KIT / "pyproject.toml").read_text())["project"]["dependencies"]
    group = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]["kit"]
    assert set(package) <= set(group)
