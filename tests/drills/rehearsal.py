"""A stack of the repository that a drill may change, in an instance of its own, with all that it has and does."""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Self

import yaml
from lightkube import Client

from slipway.building import bento
from slipway.embedded.fleet.delays import Delays
from slipway.embedded.instance import Instance
from slipway.engines import build as engines
from slipway.engines.locate import Programs, needed
from slipway.environment import Environment, Summary
from slipway.plugins.workspace import Workspace
from slipway.progress import Progress
from tests.drills.figures import figure
from tests.live import administrator, client_of, copy_of_checkout
from tests.slipway.plugins.aws.project import Run, logged

REGISTRY = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
"""That of the stack `shared`."""
_STACK = "Pulumi.{}.yaml"


def image_of(model: str) -> str:
    """A model's image in the registry of `shared`, by the digest of its build on this machine."""
    progress = Progress(quiet=True)
    build = bento.ensure(model, engines.ensure("build", progress), progress)
    return f"{REGISTRY}/{model}@{build.image.partition('@')[2]}"


@dataclass
class Rehearsal:
    """A stack in an instance.

    Attributes:
        stack: Its name.
        checkout: A copy of the repository's stack files beside the repository's program.
        instance: Where it runs.
        delays: Modelled times of bought nodes.
    """

    stack: str
    checkout: Path
    instance: Instance = field(default_factory=lambda: Instance(f"drill-{secrets.token_hex(3)}"))
    delays: Delays = field(default_factory=Delays)
    _client: Client | None = field(default=None, repr=False)

    @classmethod
    def of(cls, stack: str, folder: Path) -> "Rehearsal":
        """Copy the stack files; nothing is started."""
        return cls(stack, copy_of_checkout(folder / "checkout"))

    # -- the stack file ------------------------------------------------------------------------------------------

    @property
    def file(self) -> Path:
        return self.checkout / "stacks" / _STACK.format(self.stack)

    def settings(self) -> dict[str, Any]:
        """The `config` of the stack file."""
        return dict(yaml.safe_load(self.file.read_text())["config"])

    def write(self, config: Mapping[str, Any]) -> None:
        """Write the stack file."""
        self.file.write_text(yaml.safe_dump({"config": dict(config)}, sort_keys=False))

    @contextmanager
    def changed(self) -> Iterator[dict[str, Any]]:
        """Edit the stack file, as a person would."""
        config = self.settings()
        yield config
        self.write(config)

    @property
    def _environment(self) -> Environment:
        quiet = Progress(quiet=True)
        return Environment(self.instance, self.stack, quiet, checkout=self.checkout, delays=self.delays)

    # -- commands ------------------------------------------------------------------------------------------------

    def up(self) -> Summary:
        """`slipway up`."""
        summary = self._environment.up()
        figure(f"{self.stack}: pulumi up, as part of slipway up", summary.seconds["pulumi up"])
        return summary

    def down(self) -> None:
        """`slipway down`."""
        self.close()
        self._environment.down()

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Up, and down whatever happens."""
        try:
            self.up()
            yield self
        finally:
            self.down()

    def close(self) -> None:
        """Let go of the API server."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @property
    def workspace(self) -> Workspace:
        return self._environment.workspace(Programs(needed("up")))

    def _words(self, *words: str) -> list[str]:
        return [*words, "--stack", self.stack, "--color", "never", "--non-interactive"]

    def _pulumi(self, *words: str) -> str:
        return self.workspace.pulumi_command(*self._words(*words))

    def run(self, command: str, *flags: str, told: str = "") -> Run:
        """A literal `pulumi`, with what the engine did.

        Args:
            command: Of `pulumi`.
            flags: Of the command.
            told: Name of the figure that its time is; none is kept without.
        """
        begun = monotonic()
        run = logged(self._pulumi, self.checkout / "events.json", command, *flags)
        if told:
            figure(f"{self.stack}: {told}", monotonic() - begun)
        return run

    def begin(self, command: str, *flags: str) -> subprocess.Popen[str]:
        """Begin a `pulumi`, to be interrupted."""
        workspace = self.workspace
        return subprocess.Popen(
            [workspace.folder / "bin" / "pulumi", *self._words(command, *flags)],
            env={**os.environ, **workspace.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def state(self) -> list[dict[str, Any]]:
        """The resources of the stack as they are stored."""
        (file,) = (self.workspace.folder / "state" / ".pulumi" / "stacks").glob(f"*/{self.stack}.json")
        return list(json.loads(file.read_text())["checkpoint"]["latest"].get("resources") or [])

    def recorded(self, name: str, kind: str) -> dict[str, Any]:
        """What is recorded of one resource, by its name and the end of its type."""
        (found,) = [
            each for each in self.state() if each["urn"].endswith(f"::{name}") and each["type"].endswith(f":{kind}")
        ]
        return dict(found["outputs"])

    # -- what is there -------------------------------------------------------------------------------------------

    @property
    def kubernetes(self) -> Client:
        """The API server, as administrator."""
        if self._client is None:
            self._client = administrator(self.instance)
        return self._client

    def aws(self, service: str) -> Any:
        """The AWS endpoint, past Pulumi."""
        return client_of(self.instance, service, "us-east-1")
