"""A Pulumi project of a test's own: the real engine, with the offline plugins, against the endpoint of an instance."""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from slipway.plugins.workspace import Workspace
from tests.live import Live, client_of

PROGRAMS = Path(__file__).parent / "programs"
REGION = "eu-north-1"
STACK = "test"


@dataclass
class Run:
    """What the engine said and did."""

    output: str
    events: list[dict[str, Any]]

    def steps(self) -> list[tuple[str, str]]:
        """What happened to which resource, in its order; what stayed as it is, is left out."""
        metadata = [event["resourcePreEvent"]["metadata"] for event in self.events if "resourcePreEvent" in event]
        return [(each["op"], name_of(each["urn"])) for each in metadata if each["op"] not in {"same", "read"}]

    def by_step(self) -> dict[str, set[str]]:
        """The same, by what happens."""
        found: dict[str, set[str]] = {}
        for step, name in self.steps():
            found.setdefault(step, set()).add(name)
        return found

    def seen(self) -> dict[str, str]:
        """What a refresh found of each resource that is not as it was."""
        metadata = [event["resOutputsEvent"]["metadata"] for event in self.events if "resOutputsEvent" in event]
        return {name_of(each["urn"]): each["op"] for each in metadata if each["op"] not in {"same", "read"}}

    def differences(self, name: str) -> set[str]:
        """The properties of a resource that the engine shows as different."""
        kinds = ("resourcePreEvent", "resOutputsEvent")
        metadata = [event[kind]["metadata"] for event in self.events for kind in kinds if kind in event]
        return {path for each in metadata if name_of(each["urn"]) == name for path in each.get("detailedDiff") or {}}


def logged(pulumi: Callable[..., str], log: Path, *words: str) -> Run:
    """Run a command that works on a stack, with what the engine did.

    Args:
        pulumi: Runs `pulumi` with such words, and gives what it wrote.
        log: A file for the events; an older one is written over.
        words: The command and its flags.
    """
    log.unlink(missing_ok=True)
    with patch.dict(os.environ, PULUMI_DEBUG_COMMANDS="true"):  # which makes the flag known
        output = pulumi(*words, "--event-log", str(log))
    return Run(output, [json.loads(line) for line in log.read_text().splitlines()])


@dataclass
class Project:
    """A project with one program and one stack."""

    workspace: Workspace
    folder: Path
    live: Live
    run_id: str

    @classmethod
    def make(cls, live: Live, folder: Path, program: str, **config: Any) -> "Project":
        """Write a project and make everything a `pulumi` in it needs.

        Args:
            live: The instance.
            folder: For the project and its state; empty.
            program: A file of `programs/`.
            config: Of the stack, besides the region.
        """
        checkout = folder / "project"
        (checkout / "infra").mkdir(parents=True)
        (checkout / "stacks").mkdir()
        shutil.copy(PROGRAMS / program, checkout / "infra" / "__main__.py")
        (checkout / "Pulumi.yaml").write_text("name: t\nruntime: python\nmain: infra\nstackConfigDir: stacks\n")
        made = cls(live.workspace(checkout, folder / "pulumi"), checkout, live, f"t{secrets.token_hex(4)}")
        made.set(**config)
        made.workspace.prepare(STACK)
        return made

    def set(self, aws: Mapping[str, Any] | None = None, **config: Any) -> None:
        """Edit the stack file, as a person would.

        Args:
            aws: Settings of the provider, besides the region and a default tag.
            config: Of the program.
        """
        provider = {"region": REGION, "defaultTags": {"tags": {"run": self.run_id}}, **(aws or {})}
        entries = {f"aws:{key}": value for key, value in provider.items()}
        entries |= {f"t:{key}": value for key, value in {"run": self.run_id, **config}.items()}
        (self.folder / "stacks" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": entries}))

    def pulumi(self, *arguments: str) -> str:
        """Run `pulumi`."""
        return self.workspace.pulumi_command(*arguments, "--stack", STACK, "--color", "never", "--non-interactive")

    def run(self, command: str, *flags: str) -> Run:
        """Run a command that works on the stack."""
        return logged(self.pulumi, self.folder / "events.json", command, *flags)

    def up(self) -> Run:
        """Update without a preview."""
        return self.run("up", "--yes", "--skip-preview")

    def state(self) -> list[dict[str, Any]]:
        """The resources of the stack as they are stored."""
        file = self.workspace.folder / "state" / ".pulumi" / "stacks" / "t" / f"{STACK}.json"
        return list(json.loads(file.read_text())["checkpoint"]["latest"].get("resources") or [])

    def client(self, service: str, region: str = REGION) -> Any:
        """AWS as somebody else sees it, past Pulumi."""
        return client_of(self.live.instance, service, region)


def name_of(urn: str) -> str:
    """A resource's name in its URN."""
    return urn.rpartition("::")[2]
