"""One stack, two hands: who holds it is told; and whatever ends an update midway, the next one converges."""

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Node

from slipway.embedded.node import PAUSE_IMAGE
from slipway.errors import CommandError
from slipway.plugins import locks
from slipway.plugins.workspace import Workspace
from tests.live import Live, until

# The Deployment is ready once the node carries the label; until then an update waits for it.
PROGRAM = """
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap

labels = {{"app": "held"}}
first = ConfigMap("first", metadata={{"namespace": "{namespace}"}}, data={{"a": "1"}})
Deployment(
    "held",
    metadata={{"namespace": "{namespace}", "name": "held", "labels": {{"first": first.metadata["name"]}}}},
    spec={{
        "selector": {{"match_labels": labels}},
        "template": {{
            "metadata": {{"labels": labels}},
            "spec": {{
                "node_selector": {{"{namespace}": "free"}},
                "termination_grace_period_seconds": 1,
                "containers": [{{"name": "c", "image": "{image}"}}],
            }},
        }},
    }},
)
"""


@dataclass
class Held:
    """A stack whose update waits until it is let go."""

    workspace: Workspace
    namespace: str
    live: Live

    def begin(self) -> subprocess.Popen[str]:
        """Begin an update, and return when it waits."""
        process = subprocess.Popen(
            [self.workspace.folder / "bin" / "pulumi", *self.words("up")],
            env={**os.environ, **self.workspace.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        until(lambda: list(self.live.client.list(Deployment, namespace=self.namespace)), "the Deployment")
        return process

    def let_go(self) -> None:
        self.label("free")

    def label(self, value: str | None) -> None:
        node = self.live.instance.node_name
        self.live.client.patch(Node, node, {"metadata": {"labels": {self.namespace: value}}})

    def words(self, command: str) -> list[str]:
        return [command, "--yes", "--skip-preview", "--stack", "test", "--color", "never", "--non-interactive"]

    def converges(self) -> None:
        """The next update makes the stack what the program says, and leaves nothing to do."""
        self.let_go()
        self.workspace.pulumi_command(*self.words("up"))
        self.workspace.pulumi_command("preview", "--expect-no-changes", "--stack", "test")
        client = self.live.client
        (deployment,) = client.list(Deployment, namespace=self.namespace)
        assert deployment.status is not None
        assert deployment.status.availableReplicas == 1
        made = [each for each in client.list(ConfigMap, namespace=self.namespace) if each.data == {"a": "1"}]
        assert len(made) == 1


@pytest.fixture
def held(live: Live, tmp_path: Path) -> Iterator[Held]:
    namespace = f"held-{secrets.token_hex(3)}"
    live.client.create(Namespace(metadata=ObjectMeta(name=namespace)))
    folder = tmp_path / "project"
    (folder / "infra").mkdir(parents=True)
    (folder / "stacks").mkdir()
    (folder / "infra" / "__main__.py").write_text(PROGRAM.format(namespace=namespace, image=PAUSE_IMAGE))
    (folder / "stacks" / "Pulumi.test.yaml").write_text("config: {}\n")
    (folder / "Pulumi.yaml").write_text("name: t\nruntime: python\nmain: infra\nstackConfigDir: stacks\n")
    made = Held(live.workspace(folder, tmp_path / "pulumi"), namespace, live)
    made.workspace.prepare("test")
    yield made
    made.label(None)
    live.client.delete(Namespace, namespace)


def test_of_two_updates_of_one_stack_one_proceeds_and_the_other_is_told_by_whom(held: Held) -> None:
    first = held.begin()
    with pytest.raises(CommandError) as refused:
        held.workspace.pulumi_command(*held.words("up"))
    assert "the stack is currently locked by 1 lock(s)" in refused.value.output
    assert f"(pid {first.pid})" in refused.value.output
    held.let_go()
    said, _ = first.communicate(timeout=120)
    assert first.returncode == 0, said
    held.converges()


def test_an_interrupted_update_gives_the_stack_back_and_the_next_one_converges(held: Held) -> None:
    process = held.begin()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode != 0, said
    assert locks.holders(held.workspace.folder / "state") == []
    assert not list((held.workspace.folder / "state" / ".pulumi" / "locks").rglob("*.json"))
    held.converges()


def test_a_killed_update_gives_the_stack_back_and_the_next_one_converges(held: Held) -> None:
    process = held.begin()
    process.kill()
    process.communicate(timeout=120)
    assert list((held.workspace.folder / "state" / ".pulumi" / "locks").rglob("*.json"))
    held.converges()
