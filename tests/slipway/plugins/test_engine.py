"""The real Pulumi engine with the offline plugins, from a program to the cluster and back."""

import json
import secrets
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lightkube import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace

from slipway.embedded.node import PAUSE_IMAGE
from slipway.errors import CommandError
from slipway.plugins.workspace import Workspace
from tests.live import Live

PROGRAM = """
import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap

config = pulumi.Config("t")
namespace = {namespace!r}
colours = ConfigMap("colours", metadata={{"namespace": namespace}}, data={{"sky": config.require("sky")}})
web = Deployment(
    "web",
    metadata={{
        "namespace": namespace,
        "name": "web",
        "labels": {{"sky": colours.metadata["name"]}},
        "annotations": {{"pulumi.com/patchForce": config.get("force") or "false"}},
    }},
    spec={{
        "replicas": config.require_int("replicas"),
        "selector": {{"match_labels": {{"app": config.require("app")}}}},
        "template": {{
            "metadata": {{"labels": {{"app": config.require("app")}}}},
            "spec": {{
                "termination_grace_period_seconds": 1,
                "containers": [{{"name": "c", "image": config.require("image")}}],
            }},
        }},
    }},
    opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="8s", update="8s")),
)
pulumi.export("name", colours.metadata["name"])
"""


@dataclass
class Project:
    """A Pulumi project of a test's own, in a namespace of its own."""

    workspace: Workspace
    folder: Path
    namespace: str
    live: Live

    def set(self, **config: Any) -> None:
        """Edit the stack file, as a person would."""
        file = self.folder / "stacks" / "Pulumi.test.yaml"
        lines = "".join(f"  t:{key}: {json.dumps(value)}\n" for key, value in config.items())
        file.write_text(f"config:\n{lines}")

    def pulumi(self, *arguments: str) -> str:
        return self.workspace.pulumi_command(*arguments, "--stack", "test", "--color", "never", "--non-interactive")

    def steps(self, command: str, *flags: str) -> dict[str, list[str]]:
        """What a preview plans, or what an update did: names of resources by what happens to them."""
        said = self.pulumi(command, "--json", *flags)
        steps: dict[str, list[str]] = {}
        for step in json.loads(said[said.index("{\n") :])["steps"]:
            if step["op"] != "same":
                steps.setdefault(step["op"], []).append(step["urn"].rpartition("::")[2])
        return steps

    def up(self) -> str:
        return self.pulumi("up", "--yes", "--skip-preview")


@pytest.fixture
def project(live: Live, tmp_path: Path) -> Iterator[Project]:
    namespace = f"engine-{secrets.token_hex(3)}"
    live.client.create(Namespace(metadata=ObjectMeta(name=namespace)))
    folder = tmp_path / "project"
    (folder / "infra").mkdir(parents=True)
    (folder / "stacks").mkdir()
    (folder / "infra" / "__main__.py").write_text(textwrap.dedent(PROGRAM.format(namespace=namespace)))
    (folder / "Pulumi.yaml").write_text("name: t\nruntime: python\nmain: infra\nstackConfigDir: stacks\n")
    made = Project(live.workspace(folder, tmp_path / "pulumi"), folder, namespace, live)
    made.set(sky="blue", replicas=1, app="web", image=PAUSE_IMAGE)
    made.workspace.prepare("test")
    yield made
    live.client.delete(Namespace, namespace)


def test_a_stack_lives_through_every_kind_of_change(project: Project) -> None:
    client, namespace = project.live.client, project.namespace

    assert project.steps("preview") == {"create": ["t-test", "colours", "web"]}
    assert not list(client.list(Deployment, namespace=namespace))
    project.up()
    deployment = client.get(Deployment, "web", namespace=namespace)
    assert deployment.metadata is not None
    first = deployment.metadata.labels["sky"] if deployment.metadata.labels else ""
    assert first.startswith("colours-")

    assert project.steps("preview", "--expect-no-changes") == {}
    assert "3 unchanged" in project.up()

    project.set(sky="blue", replicas=2, app="web", image=PAUSE_IMAGE)
    assert project.steps("preview") == {"update": ["web"]}
    project.up()
    status = client.get(Deployment, "web", namespace=namespace).status
    assert status is not None
    assert status.availableReplicas == 2

    project.set(sky="grey", replicas=2, app="web", image=PAUSE_IMAGE)
    planned = project.steps("preview")
    assert planned["replace"] == ["colours"], planned
    project.up()
    second = client.get(Deployment, "web", namespace=namespace).metadata
    assert second is not None
    assert second.labels is not None
    assert second.labels["sky"] != first
    with pytest.raises(ApiError, match="not found"):
        client.get(ConfigMap, first, namespace=namespace)
    assert client.get(ConfigMap, second.labels["sky"], namespace=namespace).data == {"sky": "grey"}

    project.set(sky="grey", replicas=2, app="other", image=PAUSE_IMAGE, force="true")
    planned = project.steps("preview")
    assert planned["replace"] == ["web"], planned
    project.up()
    replaced = client.get(Deployment, "web", namespace=namespace)
    assert replaced.metadata is not None
    assert replaced.metadata.uid != second.uid

    client.delete(ConfigMap, second.labels["sky"], namespace=namespace)
    client.patch(Deployment, "web", {"metadata": {"labels": {"sky": "painted"}}}, namespace=namespace)
    assert "1 updated" in (said := project.pulumi("refresh", "--yes")), said
    planned = project.steps("preview")
    assert planned == {"create": ["colours"], "update": ["web"]}
    project.up()
    repaired = client.get(Deployment, "web", namespace=namespace).metadata
    assert repaired is not None
    assert repaired.labels is not None
    assert repaired.labels["sky"].startswith("colours-")

    project.pulumi("destroy", "--yes")
    assert not list(client.list(Deployment, namespace=namespace))
    assert [c.metadata.name for c in client.list(ConfigMap, namespace=namespace) if c.metadata] == ["kube-root-ca.crt"]


def test_what_fails_in_the_middle_is_finished_by_the_next_up(project: Project) -> None:
    client, namespace = project.live.client, project.namespace
    project.set(sky="blue", replicas=1, app="web", image="localhost/absent:1")
    with pytest.raises(CommandError, match="localhost/absent:1"):
        project.up()
    failed = client.get(Deployment, "web", namespace=namespace).metadata
    project.set(sky="blue", replicas=1, app="web", image=PAUSE_IMAGE)
    project.up()
    mended = client.get(Deployment, "web", namespace=namespace).metadata
    assert failed is not None
    assert mended is not None
    assert mended.uid == failed.uid
    assert "3 unchanged" in project.up()


def test_a_change_by_hand_to_what_the_program_owns_is_reported_as_a_conflict(project: Project) -> None:
    project.up()
    patch = {"spec": {"replicas": 2}}
    project.live.client.patch(Deployment, "web", patch, namespace=project.namespace, field_manager="somebody")
    project.pulumi("refresh", "--yes")
    with pytest.raises(CommandError, match='conflict with "somebody"'):
        project.up()


def test_settings_changed_by_command_are_dropped_with_a_warning(project: Project) -> None:
    project.pulumi("config", "set", "t:replicas", "3")
    said = project.pulumi("config", "get", "t:replicas")
    assert "dropped" in said
    assert str(project.folder / "stacks" / "Pulumi.test.yaml") in said
    assert said.strip().endswith("1")
    assert "dropped" not in project.pulumi("config", "get", "t:replicas")
