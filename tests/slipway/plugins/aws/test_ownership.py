"""Who runs whose plugins: in an instance's shell ours and no others; with the official CLI, ours never. Counted."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.paths import REPOSITORY
from tests.live import SLIPWAY, Live
from tests.slipway.plugins.aws.project import STACK, Project

PLUGINS = ("pulumi-language-python", "pulumi-resource-aws", "pulumi-resource-kubernetes")
REAL = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",  # from AWS's documentation
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "FwoGZXIvYXdzEXAMPLE",
    "AWS_PROFILE": "production",
    "AWS_REGION": "us-east-1",
}


@dataclass
class Machine:
    """A machine with somebody's plugins on PATH, real-looking credentials, and ours where an instance has them.

    Attributes:
        project: In the instance.
        fakes: Folder of the plugins that are not ours.
        record: A line for every start of a plugin: whose, and which.
    """

    project: Project
    fakes: Path
    record: Path

    def started(self) -> Counter[str]:
        """How often which plugin was started: `fake pulumi-resource-aws`, `ours pulumi-resource-aws`."""
        return Counter(self.record.read_text().splitlines() if self.record.exists() else ())

    def environment(self, **more: str) -> dict[str, str]:
        """A shell of somebody with an account of their own."""
        ours = ("PULUMI_", "SLIPWAY_", "AWS_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**inherited, **REAL, "PATH": f"{self.fakes}{os.pathsep}{os.environ['PATH']}", **more}

    def shell(self, script: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", script],
            env=environment,
            cwd=self.project.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def machine(live: Live, tmp_path: Path) -> Machine:
    project = Project.make(live, tmp_path, "both.py")
    made = Machine(project, tmp_path / "fakes", tmp_path / "record")
    made.fakes.mkdir()
    for name in PLUGINS:
        fake = made.fakes / name
        fake.write_text(f"#!/bin/sh\necho 'fake {name}' >> {made.record}\nexit 1\n")
        fake.chmod(0o755)
    installed = [file for file in (project.workspace.folder / "home" / "plugins").rglob("pulumi-*") if file.is_file()]
    assert sorted(file.name for file in installed) == sorted(PLUGINS)
    for file in installed:
        _, _, rest = file.read_text().partition("\n")
        file.write_text(f"#!/bin/sh\necho 'ours {file.name}' >> {made.record}\n{rest}")
    made.record.unlink(missing_ok=True)
    return made


def test_in_the_shell_of_an_instance_ours_run_and_no_others(machine: Machine, live: Live) -> None:
    ours = machine.project.workspace.environment()
    # The shell is the instance's own; only the project is another one than the repository's.
    names = ("PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_OPTION_CWD")
    exports = "".join(f"export {name}={shlex.quote(ours[name])}\n" for name in names)
    script = (
        f'set -e\neval "$({SLIPWAY} env local --as {live.name})"\n'
        f"{exports}PATH={machine.project.workspace.folder / 'bin'}:$PATH\n"
        f"pulumi preview --stack {STACK} --non-interactive --color never"
    )
    done = machine.shell(script, machine.environment())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "+ 3 to create" in done.stdout
    started = machine.started()
    assert started.keys() == {f"ours {name}" for name in PLUGINS}
    assert all(count > 0 for count in started.values())


def test_with_the_official_cli_ours_never_run(machine: Machine, tmp_path: Path) -> None:
    pulumi = machine.project.workspace.pulumi
    shutil.copytree(machine.project.folder, tmp_path / "theirs")
    (tmp_path / "their-state").mkdir()
    (tmp_path / "stack.json").write_text(json.dumps(_state()))
    environment = machine.environment(
        HOME=str(tmp_path / "their-home"),
        PULUMI_HOME=str(tmp_path / "their-home" / ".pulumi"),
        PULUMI_BACKEND_URL=f"file://{tmp_path / 'their-state'}",
        PULUMI_CONFIG_PASSPHRASE="x",  # noqa: S106  # of a state that ends with the test
        PULUMI_SKIP_UPDATE_CHECK="true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION="true",
    )
    there = f"cd {tmp_path / 'theirs'} && {pulumi}"
    made = machine.shell(f"{there} stack init {STACK} && {there} stack import --file ../stack.json", environment)
    assert made.returncode == 0, made.stdout + made.stderr
    said = ""
    for command in ("preview", "refresh --yes", "destroy --yes"):
        done = machine.shell(f"{there} {command} --stack {STACK} --non-interactive --color never", environment)
        said += done.stdout + done.stderr
        assert done.returncode != 0, said  # theirs are fakes
    started = machine.started()
    assert started["fake pulumi-language-python"] > 0, said
    assert started["fake pulumi-resource-aws"] > 0, said
    assert [name for name in started if name.startswith("ours")] == []
    assert "slipway" not in said.replace(str(pulumi), "")


def _state() -> dict[str, object]:
    """A stack with one queue, as the official plugin would have left it."""
    urn = f"urn:pulumi:{STACK}::t::"
    provider = f"{urn}pulumi:providers:aws::default"
    resources = [
        {"urn": f"{urn}pulumi:pulumi:Stack::t-{STACK}", "custom": False, "type": "pulumi:pulumi:Stack"},
        {
            "urn": provider,
            "custom": True,
            "id": "6d1f9a3e-2c57-4b7e-9a55-7d9be1a3a001",
            "type": "pulumi:providers:aws",
            "inputs": {"region": "us-east-1"},
            "outputs": {"region": "us-east-1"},
        },
        {
            "urn": f"{urn}aws:sqs/queue:Queue::queue",
            "custom": True,
            "id": "https://sqs.us-east-1.amazonaws.com/111122223333/queue",
            "type": "aws:sqs/queue:Queue",
            "inputs": {"name": "queue"},
            "outputs": {"name": "queue"},
            "provider": f"{provider}::6d1f9a3e-2c57-4b7e-9a55-7d9be1a3a001",
        },
    ]
    manifest = {"time": "2026-01-01T00:00:00Z", "magic": "", "version": ""}
    return {"version": 3, "deployment": {"manifest": manifest, "resources": resources}}


def test_nothing_of_ours_is_installed_where_an_official_cli_would_find_it() -> None:
    scripts = Path(sys.executable).parent
    assert [file.name for file in scripts.glob("pulumi-resource-*")] == []
    assert [
        file.name for file in scripts.glob("pulumi-language-*") if "slipway" in file.read_text(errors="replace")
    ] == []
    plugins = Path.home() / ".pulumi" / "plugins"
    installed = [file for file in plugins.rglob("pulumi-*") if file.is_file()] if plugins.exists() else []
    on_path = [found for name in PLUGINS if (found := shutil.which(name))]
    for file in (*installed, *map(Path, on_path)):
        assert b"slipway" not in file.read_bytes()[:4096], file
    assert (
        "pulumi-"
        not in (REPOSITORY / "pyproject.toml")
        .read_text()
        .partition("[project.scripts]")[2]
        .partition("[dependency-groups]")[0]
    )
