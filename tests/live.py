"""The stack that the tests share, and what they do with it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from lightkube import Client, KubeConfig

from slipway.embedded.aws import DUMMY_KEY
from slipway.embedded.instance import Instance
from slipway.engines.locate import Programs, needed
from slipway.environment import Environment, Summary
from slipway.paths import REPOSITORY
from slipway.plugins.workspace import Workspace
from slipway.progress import Progress
from tests.snapshot import Snapshot

SLIPWAY = Path(sys.executable).parent / "slipway"
"""The command, as a person runs it."""


@dataclass
class Live:
    """The local stack in an instance; a shared one was there before the tests, and stays."""

    name: str
    before: Snapshot
    changed_before: str = ""
    is_shared: bool = False
    summary: Summary | None = None
    is_down: bool = False
    _client: Client | None = field(default=None, repr=False)

    @property
    def instance(self) -> Instance:
        return Instance(self.name)

    @property
    def environment(self) -> Environment:
        return Environment(self.instance, "local", Progress(quiet=True))

    def up(self) -> Summary:
        self.summary = self.environment.up()
        return self.summary

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def down(self) -> None:
        self.close()
        if not self.is_down:
            self.environment.down()
            self.is_down = True

    def url(self, model: str) -> str:
        return f"http://127.0.0.1:{self.instance.model_ports()[model]}"

    @property
    def client(self) -> Client:
        """The Kubernetes API as administrator."""
        if self._client is None:
            self._client = administrator(self.instance)
        return self._client

    def workspace(self, checkout: Path = REPOSITORY, folder: Path | None = None) -> Workspace:
        """Pulumi against this instance, for the repository or for another project."""
        programs = Programs(needed("up"))
        return Workspace(
            self.instance,
            pulumi=programs.path("pulumi"),
            executor=programs.path("pulumi-language-python-exec"),
            checkout=checkout,
            folder=folder,
        )

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a person would, after `eval "$(slipway env local)"`."""
        script = f'set -e\neval "$({SLIPWAY} env local --as {self.name})"\n{command}'
        return subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, cwd=REPOSITORY, timeout=300, check=False
        )


def copy_of_checkout(into: Path) -> Path:
    """A checkout whose stack files a test may change; the program and the bentos are the repository's own."""
    into.mkdir()
    shutil.copy2(REPOSITORY / "Pulumi.yaml", into)
    for folder in ("infra", "bentos"):
        (into / folder).symlink_to(REPOSITORY / folder)
    (into / "stacks").mkdir()
    for file in (REPOSITORY / "stacks").iterdir():
        shutil.copy2(file, into / "stacks")
    return into


def tracked_files_changed() -> str:
    """What git sees as changed."""
    done = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=True,
        env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
    )
    return done.stdout


def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a condition, generously."""
    assert eventually(condition, seconds), f"still waiting for {what}"


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    """Whether a condition comes true in time."""
    deadline, pause = time.monotonic() + seconds, 0.02
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(0.3, pause * 1.2)
    return True


def administrator(instance: Instance) -> Client:
    """The Kubernetes API of an instance as administrator."""
    return Client(config=KubeConfig.from_file(str(instance.kubeconfig)), trust_env=False)


def client_of(instance: Instance, service: str, region: str) -> Any:
    """A client of the AWS endpoint of an instance, as somebody else than Pulumi has it."""
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{instance.ports()['aws']}",
        region_name=region,
        aws_access_key_id=DUMMY_KEY,
        aws_secret_access_key=DUMMY_KEY,
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )
