"""The real Pulumi engine with the offline plugins, from a program to the cluster and back."""

import json
import secrets
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube import ApiError
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment, DeploymentScale
from lightkube.resources.core_v1 import ConfigMap, Namespace

from slipway.embedded.node import PAUSE_IMAGE
from slipway.errors import CommandError
from slipway.plugins.workspace import Workspace
from tests.live import Live
from tests.slipway.plugins.kubernetes.definitions import Definition

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
    opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="6s", update="10s")),
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

    def program(self, source: str) -> None:
        """Write the program; `{namespace}` is the test's."""
        file = self.folder / "infra" / "__main__.py"
        file.write_text(textwrap.dedent(source.format(namespace=self.namespace)))

    def set(self, **config: Any) -> None:
        """Edit the stack file, as a person would."""
        file = self.folder / "stacks" / "Pulumi.test.yaml"
        lines = "".join(f"  t:{key}: {json.dumps(value)}\n" for key, value in config.items())
        file.write_text(f"config:\n{lines}")

    def pulumi(self, *arguments: str) -> str:
        return self.workspace.pulumi_command(*arguments, "--stack", "test", "--color", "never", "--non-interactive")

    def preview(self, *flags: str) -> dict[str, list[str]]:
        """What is planned: names of resources by what would happen to them."""
        said = self.pulumi("preview", "--json", *flags)
        return _by_step(json.loads(said[said.index("{\n") :])["steps"])

    def up(self, *flags: str) -> dict[str, list[str]]:
        """Bring the stack up; names of resources by what happened to them."""
        said = self.pulumi("up", "--yes", "--skip-preview", "--json", *flags)
        events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        return _by_step([event["resourcePreEvent"]["metadata"] for event in events if "resourcePreEvent" in event])

    @property
    def state(self) -> Path:
        """Where the engine keeps the state."""
        return self.workspace.folder / "state" / ".pulumi" / "stacks" / "t" / "test.json"

    def recorded(self, name: str) -> dict[str, Any]:
        """What is recorded of a resource."""
        resources = json.loads(self.state.read_text())["checkpoint"]["latest"]["resources"]
        (found,) = [each for each in resources if each["urn"].endswith(f"::{name}")]
        return dict(found)

    def deployment(self) -> ObjectMeta:
        metadata = self.live.client.get(Deployment, "web", namespace=self.namespace).metadata
        assert metadata is not None
        return metadata


def _by_step(steps: list[dict[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in steps:
        if step["op"] != "same":
            found.setdefault(step["op"], []).append(step["urn"].rpartition("::")[2])
    return {op: sorted(names) for op, names in found.items()}


@pytest.fixture
def project(live: Live, tmp_path: Path) -> Iterator[Project]:
    namespace = f"engine-{secrets.token_hex(3)}"
    live.client.create(Namespace(metadata=ObjectMeta(name=namespace)))
    folder = tmp_path / "project"
    (folder / "infra").mkdir(parents=True)
    (folder / "stacks").mkdir()
    (folder / "Pulumi.yaml").write_text("name: t\nruntime: python\nmain: infra\nstackConfigDir: stacks\n")
    made = Project(live.workspace(folder, tmp_path / "pulumi"), folder, namespace, live)
    made.program(PROGRAM)
    made.set(sky="blue", replicas=1, app="web", image=PAUSE_IMAGE)
    made.workspace.prepare("test")
    yield made
    live.client.delete(Namespace, namespace)


@pytest.mark.node
def test_a_stack_lives_through_every_kind_of_change(project: Project) -> None:
    client, namespace = project.live.client, project.namespace

    # What cannot start is made, recorded, and mended by the next update.
    project.set(sky="blue", replicas=1, app="web", image="localhost/absent:1")
    assert project.preview() == {"create": ["colours", "t-test", "web"]}
    assert not list(client.list(Deployment, namespace=namespace))
    with pytest.raises(CommandError, match="localhost/absent:1"):
        project.pulumi("up", "--yes", "--skip-preview")
    first = project.deployment()
    project.set(sky="blue", replicas=1, app="web", image=PAUSE_IMAGE)
    assert project.up() == {"update": ["web"]}
    assert project.deployment().uid == first.uid
    assert project.preview("--expect-no-changes") == {}

    # A property that can be changed, one that cannot, and one of an object with a name of its own.
    project.set(sky="grey", replicas=2, app="web", image=PAUSE_IMAGE)
    done = project.up()
    assert (done["replace"], done["update"]) == (["colours"], ["web"]), done
    status = client.get(Deployment, "web", namespace=namespace).status
    assert status is not None
    assert status.availableReplicas == 2
    second = project.deployment()
    assert first.labels is not None
    assert second.labels is not None
    assert first.labels["sky"].startswith("colours-")
    assert second.labels["sky"] != first.labels["sky"]
    with pytest.raises(ApiError, match="not found"):
        client.get(ConfigMap, first.labels["sky"], namespace=namespace)
    assert client.get(ConfigMap, second.labels["sky"], namespace=namespace).data == {"sky": "grey"}
    project.set(sky="grey", replicas=1, app="other", image=PAUSE_IMAGE)
    assert project.up()["replace"] == ["web"]
    assert project.deployment().uid != second.uid

    project.pulumi("destroy", "--yes", "--skip-preview")
    assert not list(client.list(Deployment, namespace=namespace))
    assert [c.metadata.name for c in client.list(ConfigMap, namespace=namespace) if c.metadata] == ["kube-root-ca.crt"]


@pytest.mark.node
def test_what_others_did_is_seen_repaired_and_never_overwritten_in_silence(project: Project) -> None:
    client, namespace = project.live.client, project.namespace
    project.up()

    # Gone, changed by `kubectl edit`, and not running any more.
    before = project.deployment()
    assert before.labels is not None
    client.delete(ConfigMap, before.labels["sky"], namespace=namespace)
    spoilt = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "localhost/absent:1"}]}}}}
    client.patch(Deployment, "web", spoilt, namespace=namespace, field_manager="kubectl-edit")
    assert "it is not ready: waiting for" in project.pulumi("refresh", "--yes", "--skip-preview")
    assert project.up() == {"create": ["colours"], "update": ["web"]}
    after = project.deployment()
    assert after.uid == before.uid
    assert after.labels is not None
    assert after.labels["sky"] != before.labels["sky"]

    # Changed by a manager of its own.
    patch = {"spec": {"replicas": 2}}
    client.patch(Deployment, "web", patch, namespace=namespace, field_manager="somebody")
    with pytest.raises(CommandError, match='conflict with "somebody"'):
        project.pulumi("up", "--refresh", "--yes", "--skip-preview")

    # A state that another plugin wrote.
    project.state.write_text(project.state.read_text().replace("__slipwayOffline", "__other"))
    with pytest.raises(CommandError, match="not written by the offline plugins"):
        project.pulumi("destroy", "--yes", "--skip-preview")
    assert project.deployment().uid == before.uid


ADOPTING = """
import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap

config = pulumi.Config("t")
namespace = {namespace!r}
metadata = {{"namespace": namespace, "name": "theirs", "labels": {{"sky": config.require("sky")}}}}
if config.get("labelled") is None:
    del metadata["labels"]
adopted = ConfigMap(
    "adopted",
    metadata=metadata,
    data={{"sky": "blue"}},
    opts=pulumi.ResourceOptions(import_=f"{{namespace}}/theirs", retain_on_delete=True),
)
read = ConfigMap.get("read", f"{{namespace}}/kube-root-ca.crt")
web = Deployment(
    "web",
    metadata={{"namespace": namespace, "name": "web", "labels": {{"sky": config.require("sky")}}}},
    spec={{
        "replicas": 1,
        "selector": {{"match_labels": {{"app": "web"}}}},
        "template": {{
            "metadata": {{"labels": {{"app": "web"}}}},
            "spec": {{
                "termination_grace_period_seconds": 1,
                "containers": [{{"name": "c", "image": config.require("image")}}],
            }},
        }},
    }},
    opts=pulumi.ResourceOptions(ignore_changes=["spec.replicas"]),
)
pulumi.export("authority", read.data["ca.crt"])
"""


def test_what_others_made_is_adopted_read_and_left_to_them(project: Project) -> None:
    client, namespace = project.live.client, project.namespace
    project.program(ADOPTING)
    client.create(ConfigMap(metadata=ObjectMeta(name="theirs", namespace=namespace), data={"sky": "blue"}))
    theirs = client.get(ConfigMap, "theirs", namespace=namespace).metadata

    assert project.up() == {"create": ["t-test", "web"], "import": ["adopted"], "read": ["read"]}
    assert "-----BEGIN CERTIFICATE-----" in project.recorded("t-test")["outputs"]["authority"]

    # An autoscaler scales; the program has another opinion of everything else.
    wanted = DeploymentScale(metadata=ObjectMeta(name="web", namespace=namespace), spec=ScaleSpec(replicas=2))
    client.replace(wanted, "web", namespace=namespace, field_manager="kube-controller-manager")
    project.set(sky="grey", labelled="yes", image=PAUSE_IMAGE)
    assert project.up() == {"read": ["read"], "update": ["adopted", "web"]}
    assert project.preview("--expect-no-changes") == {"read": ["read"]}
    web = client.get(Deployment, "web", namespace=namespace)
    assert web.metadata is not None
    assert web.spec is not None
    assert web.metadata.labels == {"sky": "grey"}
    assert web.spec.replicas == 2
    adopted = client.get(ConfigMap, "theirs", namespace=namespace).metadata
    assert adopted is not None
    assert theirs is not None
    assert adopted.uid == theirs.uid
    assert adopted.labels == {"sky": "grey"}

    project.pulumi("destroy", "--yes", "--skip-preview")
    assert not list(client.list(Deployment, namespace=namespace))
    assert client.get(ConfigMap, "theirs", namespace=namespace).data == {"sky": "blue"}
    assert client.get(ConfigMap, "kube-root-ca.crt", namespace=namespace).data


def test_a_program_can_be_given_an_object_by_command(project: Project) -> None:
    client, namespace = project.live.client, project.namespace
    client.create(ConfigMap(metadata=ObjectMeta(name="theirs", namespace=namespace), data={"sky": "blue"}))
    arguments = ("kubernetes:core/v1:ConfigMap", "adopted", f"{namespace}/theirs")
    project.pulumi("import", *arguments, "--yes", "--protect=false", "--generate-code=false")
    adopted = project.recorded("adopted")
    assert adopted["id"] == f"{namespace}/theirs"
    assert adopted["outputs"]["data"] == {"sky": "blue"}
    assert adopted["outputs"]["__fieldManager"].startswith("pulumi-kubernetes-")
    project.pulumi("destroy", "--yes", "--skip-preview")
    with pytest.raises(ApiError, match="not found"):
        client.get(ConfigMap, "theirs", namespace=namespace)


DEFINING = """
import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apiextensions.v1 import CustomResourceDefinition
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.scheduling.v1 import PriorityClass

config = pulumi.Config("t")
group = config.require("group")
definition = CustomResourceDefinition(
    "colours",
    metadata={{"name": f"colours.{{group}}"}},
    spec={{
        "group": group,
        "scope": "Cluster",
        "names": {{"kind": "Colour", "plural": "colours"}},
        "versions": [
            {{
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {{"open_apiv3_schema": {{"type": "object", "x_kubernetes_preserve_unknown_fields": True}}}},
            }}
        ],
    }},
)
# Depends on nothing, as far as the engine knows: it is made when its definition is.
colour = {{"api_version": f"{{group}}/v1", "kind": "Colour"}}
CustomResource("early", **colour, metadata={{"name": "early"}}, spec={{"sky": "blue"}})
# A cluster that is only known once something else is made, as EKS is.
eks = Provider("eks", kubeconfig=definition.metadata["uid"].apply(lambda _: config.require("kubeconfig")))
through = pulumi.ResourceOptions(provider=eks, depends_on=[definition])
late = CustomResource(
    "late",
    **colour,
    metadata={{"name": "late", "annotations": {{"pulumi.com/deletionPropagationPolicy": "background"}}}},
    spec={{"sky": "grey"}},
    opts=through,
)
PriorityClass("first", metadata={{"name": {namespace!r}}}, value=7, opts=through)
plugin = Release(
    "plugin",
    chart="nvidia-device-plugin",
    version="0.20.0",
    repository_opts={{"repo": "https://nvidia.github.io/k8s-device-plugin"}},
    namespace={namespace!r},
    values={{"tolerations": [{{"operator": "Exists"}}]}},
    opts=through,
)
pulumi.export("sky", late.spec["sky"])
pulumi.export("status", plugin.status["status"])
"""


def test_definitions_and_what_they_define_come_and_go_in_one_program(project: Project) -> None:
    client, kind = project.live.client, Definition(namespaced=False)
    content = yaml.safe_load(project.live.instance.kubeconfig.read_text())
    arguments = ["eks", "get-token", "--cluster-name", "prod"]
    api = "client.authentication.k8s.io/v1beta1"
    content["users"][0]["user"] = {"exec": {"apiVersion": api, "command": "aws", "args": arguments}}
    project.program(DEFINING)
    project.set(group=kind.group, kubeconfig=json.dumps(content))
    made = ["colours", "early", "eks", "first", "late", "plugin", "t-test"]
    try:
        assert project.preview() == {"create": made}
        assert project.up() == {"create": made}
        assert client.get(kind.resource, "early")["spec"] == {"sky": "blue"}
        assert client.get(kind.resource, "late")["spec"] == {"sky": "grey"}
        assert project.preview("--expect-no-changes") == {}
        assert project.recorded("t-test")["outputs"] == {"sky": "grey", "status": "supervised"}
        project.pulumi("destroy", "--yes", "--skip-preview")
        assert not kind.is_there(project.live)
    finally:
        kind.remove(project.live)


def test_settings_changed_by_command_are_dropped_with_a_warning(project: Project) -> None:
    project.pulumi("config", "set", "t:replicas", "3")
    said = project.pulumi("config", "get", "t:replicas")
    assert "dropped" in said
    assert str(project.folder / "stacks" / "Pulumi.test.yaml") in said
    assert said.strip().endswith("1")
    assert "dropped" not in project.pulumi("config", "get", "t:replicas")
