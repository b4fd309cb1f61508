"""Which lock a build is recorded in: by what it is, whatever the shell around it stands for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.models.builds import IMAGES, UNPACKED, VARIABLE
from slipway.building import bento
from slipway.embedded.instance import Instance
from slipway.embedded.modes import Mode
from slipway.paths import REPOSITORY
from slipway.plugins.workspace import Workspace
from tests.live import copy_of_checkout

_ENSURE = """
import sys
from pathlib import Path
from slipway.building import bento
from slipway.engines.locate import Programs
from slipway.progress import Progress
bento.ensure("digits", Programs(), Progress(quiet=True), checkout=Path(sys.argv[1]))
"""


def test_an_image_is_recorded_as_one_in_the_shell_of_an_instance_that_takes_none(tmp_path: Path) -> None:
    checkout = copy_of_checkout(tmp_path / "checkout")
    for lock in (checkout / "stacks").glob("*.built.json"):
        lock.unlink()
    source = bento.fingerprint((REPOSITORY / "bentos" / "digits").resolve())
    kept = tmp_path / "cache" / "slipway" / "images" / "digits" / source
    kept.mkdir(parents=True)
    (kept / "image.oci.tar").touch()
    record = bento.Build("digits", "localhost/slipway/digits@sha256:1", source, 1, str(kept / "image.oci.tar"))
    (kept / "build.json").write_text(json.dumps(vars(record)))
    shell = {**os.environ, VARIABLE: UNPACKED, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", _ENSURE, checkout], env=shell, cwd=REPOSITORY, check=True, timeout=120)
    assert [file.name for file in (checkout / "stacks").glob("*.built.json")] == [IMAGES]


@pytest.mark.parametrize(("mode", "lock"), [(Mode.NODE, IMAGES), (Mode.PROCESSES, UNPACKED)])
def test_pulumi_reads_the_lock_of_its_instance_whatever_the_shell_says(
    mode: Mode, lock: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "another.built.json")
    instance = Instance("locks")
    instance.folder.mkdir(parents=True)
    (instance.folder / "mode").write_text(mode)
    workspace = Workspace(instance, pulumi=Path("pulumi"), executor=Path("executor"))
    assert workspace.environment()[VARIABLE] == lock
