"""The offline kubernetes plugin against a real API server. One test for each promise: `make faults` breaks each."""

import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret, ServiceAccount

from slipway.embedded.node import PAUSE_IMAGE
from slipway.plugins.properties import UNKNOWN
from slipway.plugins.properties import Secret as Hidden
from tests.live import Live
from tests.slipway.plugins.kubernetes_client import Plugin, PluginError, Resource, plugin

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"


@pytest.fixture
def kubernetes(live: Live) -> Iterator[Plugin]:
    with plugin() as connected:
        connected.configure(kubeconfig=str(live.instance.kubeconfig))
        yield connected


@pytest.fixture
def namespace(live: Live) -> Iterator[str]:
    name = f"plugin-{secrets.token_hex(3)}"
    live.client.create(Namespace(metadata=ObjectMeta(name=name)))
    yield name
    for held in live.client.list(ConfigMap, namespace=name):
        if held.metadata and held.metadata.finalizers and held.metadata.name:
            live.client.patch(ConfigMap, held.metadata.name, {"metadata": {"finalizers": None}}, namespace=name)
    live.client.delete(Namespace, name)


def config_map(namespace: str, name: str = "", **data: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, **({"name": name} if name else {})}, "data": data}


def deployment(namespace: str, *, replicas: int = 1, image: str = PAUSE_IMAGE, app: str = "web") -> dict[str, Any]:
    container = {"name": "c", "image": image, "resources": {"requests": {"cpu": "10m"}}}
    return {
        "metadata": {"namespace": namespace, "name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": {
                "metadata": {"labels": {"app": app}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    }


def exists(live: Live, kind: Any, name: str, namespace: str) -> bool:
    return any(item.metadata.name == name for item in live.client.list(kind, namespace=namespace))


# -- creating ------------------------------------------------------------------------------------------------------


def test_a_created_object_is_on_the_server(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="blue"))
    assert made.identity == f"{namespace}/colours"
    assert live.client.get(ConfigMap, "colours", namespace=namespace).data == {"sky": "blue"}
    assert made.outputs["metadata"]["uid"]


def test_an_object_without_a_name_is_given_one_of_its_own(kubernetes: Plugin, namespace: str) -> None:
    first = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, sky="blue"))
    second = kubernetes.create(CONFIG_MAP, "colour", config_map(namespace, sky="blue"))
    assert first.name.startswith("colours-")
    assert len(first.name) == len("colours-") + 8
    assert first.name[-8:] != second.name[-8:]


def test_a_given_name_stays_over_updates(kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, sky="blue"))
    again = kubernetes.check(CONFIG_MAP, "colours", config_map(namespace, sky="blue"), made)
    assert again["metadata"]["name"] == made.name


def test_create_waits_until_every_replica_is_available(live: Live, kubernetes: Plugin, namespace: str) -> None:
    kubernetes.create(DEPLOYMENT, "web", deployment(namespace, replicas=2))
    status = live.client.get(Deployment, "web", namespace=namespace).status
    assert status is not None
    assert status.availableReplicas == 2


def test_an_object_that_does_not_become_ready_is_recorded_with_the_reason(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    with pytest.raises(PluginError) as failed:
        kubernetes.create(DEPLOYMENT, "web", deployment(namespace, image="localhost/absent:1"), seconds=8)
    assert failed.value.partial is not None
    assert failed.value.partial.id == f"{namespace}/web"
    assert any("ErrImagePull" in reason or "ImagePullBackOff" in reason for reason in failed.value.partial.reasons)
    assert exists(live, Deployment, "web", namespace)


def test_a_service_waits_for_a_ready_pod(kubernetes: Plugin, namespace: str) -> None:
    service: dict[str, Any] = {
        "metadata": {"namespace": namespace, "name": "web"},
        "spec": {"selector": {"app": "nobody"}, "ports": [{"port": 80}]},
    }
    with pytest.raises(PluginError, match="waiting for a ready pod behind it"):
        kubernetes.create(SERVICE, "web", service, seconds=2)
    service["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    assert kubernetes.create(SERVICE, "web", service).outputs["spec"]["clusterIP"].startswith("10.96.")


def test_what_the_server_refuses_is_an_error_in_its_words(live: Live, kubernetes: Plugin, namespace: str) -> None:
    wrong = deployment(namespace)
    wrong["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    for preview in (True, False):
        with pytest.raises(PluginError, match="`selector` does not match template `labels`"):
            kubernetes.create(DEPLOYMENT, "web", wrong, preview=preview)
    assert not exists(live, Deployment, "web", namespace)


# -- previewing ----------------------------------------------------------------------------------------------------


def test_a_preview_writes_nothing(live: Live, kubernetes: Plugin, namespace: str) -> None:
    planned = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="blue"), preview=True)
    assert planned.identity == ""
    assert planned.outputs["data"] == {"sky": "blue"}
    assert not exists(live, ConfigMap, "colours", namespace)
    made = kubernetes.create(ACCOUNT, "who", {"metadata": {"namespace": namespace, "name": "who"}})
    changed = {"metadata": {"namespace": namespace, "name": "who", "labels": {"a": "b"}}}
    assert kubernetes.update(made, changed, preview=True).outputs["metadata"]["labels"] == {"a": "b"}
    metadata = live.client.get(ServiceAccount, "who", namespace=namespace).metadata
    assert metadata is not None
    assert not metadata.labels


def test_a_preview_works_before_the_namespace_exists(kubernetes: Plugin) -> None:
    planned = kubernetes.create(CONFIG_MAP, "colours", config_map("not-yet", "colours", sky="blue"), preview=True)
    assert planned.outputs["data"] == {"sky": "blue"}


def test_what_is_not_known_yet_stays_unknown_in_a_preview(kubernetes: Plugin, namespace: str) -> None:
    inputs = config_map(namespace, "colours")
    inputs["data"] = {"sky": UNKNOWN}
    assert kubernetes.create(CONFIG_MAP, "colours", inputs, preview=True).outputs["data"] == {"sky": UNKNOWN}


# -- changing ------------------------------------------------------------------------------------------------------


def test_the_same_inputs_are_no_change(kubernetes: Plugin, namespace: str) -> None:
    inputs = deployment(namespace)
    made = kubernetes.create(DEPLOYMENT, "web", inputs)
    reply = kubernetes.diff(made, inputs)
    assert reply.changes == reply.DIFF_NONE
    assert not reply.replaces


def test_a_change_is_an_update_that_names_the_property(kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(DEPLOYMENT, "web", deployment(namespace))
    reply = kubernetes.diff(made, deployment(namespace, replicas=2))
    assert reply.changes == reply.DIFF_SOME
    assert list(reply.detailedDiff) == ["spec.replicas"]
    assert not reply.replaces


def test_an_update_keeps_the_object(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(DEPLOYMENT, "web", deployment(namespace))
    changed = kubernetes.update(made, deployment(namespace, replicas=2))
    assert changed.outputs["metadata"]["uid"] == made.outputs["metadata"]["uid"]
    assert changed.outputs["status"]["availableReplicas"] == 2
    removed = deployment(namespace)
    removed["metadata"]["labels"] = {"gone": "soon"}
    labelled = kubernetes.update(changed, removed)
    kubernetes.update(labelled, deployment(namespace))
    metadata = live.client.get(Deployment, "web", namespace=namespace).metadata
    assert metadata is not None
    assert not metadata.labels


def test_another_spelling_of_the_same_value_is_no_change(kubernetes: Plugin, namespace: str) -> None:
    inputs = deployment(namespace)
    made = kubernetes.create(DEPLOYMENT, "web", inputs)
    inputs["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "0.01"
    reply = kubernetes.diff(made, inputs)
    assert reply.changes == reply.DIFF_NONE


def test_a_property_of_the_table_that_changes_means_a_new_object(kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, sky="blue"))
    reply = kubernetes.diff(made, config_map(namespace, sky="grey"))
    assert list(reply.replaces) == ["data.sky"]


def test_what_the_server_calls_immutable_means_a_new_object(kubernetes: Plugin, namespace: str) -> None:
    inputs = {"metadata": {"namespace": namespace, "name": "fixed"}, "immutable": True, "type": "Opaque"}
    made = kubernetes.create(SECRET, "fixed", inputs)
    reply = kubernetes.diff(made, {**inputs, "immutable": False})
    assert list(reply.replaces) == ["immutable"]


def test_an_object_with_a_fixed_name_is_deleted_before_it_is_replaced(kubernetes: Plugin, namespace: str) -> None:
    fixed = kubernetes.create(CONFIG_MAP, "fixed", config_map(namespace, "fixed", sky="blue"))
    assert kubernetes.diff(fixed, config_map(namespace, "fixed", sky="grey")).deleteBeforeReplace
    free = kubernetes.create(CONFIG_MAP, "free", config_map(namespace, sky="blue"))
    assert not kubernetes.diff(free, config_map(namespace, sky="grey")).deleteBeforeReplace


def test_a_field_of_another_manager_is_a_conflict_unless_taken_by_force(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    made = kubernetes.create(DEPLOYMENT, "web", deployment(namespace))
    live.client.patch(Deployment, "web", {"spec": {"replicas": 3}}, namespace=namespace, field_manager="somebody")
    with pytest.raises(PluginError, match=r"conflict with \"somebody\".*pulumi.com/patchForce"):
        kubernetes.update(made, deployment(namespace, replicas=2))
    forced = deployment(namespace, replicas=2)
    forced["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    assert kubernetes.update(made, forced).outputs["spec"]["replicas"] == 2


# -- seeing --------------------------------------------------------------------------------------------------------


def test_a_refresh_sees_what_others_changed_and_nothing_else(live: Live, kubernetes: Plugin, namespace: str) -> None:
    inputs = deployment(namespace)
    made = kubernetes.create(DEPLOYMENT, "web", inputs)
    live.client.patch(Deployment, "web", {"metadata": {"labels": {"theirs": "x"}}}, namespace=namespace)
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.inputs == made.inputs
    live.client.patch(Deployment, "web", {"spec": {"replicas": 2}}, namespace=namespace)
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.inputs["spec"]["replicas"] == 2
    assert seen.outputs["spec"]["replicas"] == 2
    assert list(kubernetes.diff(seen, inputs).detailedDiff) == ["spec.replicas"]


def test_a_value_that_the_server_writes_otherwise_is_no_drift(kubernetes: Plugin, namespace: str) -> None:
    inputs = deployment(namespace)
    inputs["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] = {"cpu": "0.01", "memory": "1024Ki"}
    made = kubernetes.create(DEPLOYMENT, "web", inputs)
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.inputs == made.inputs


def test_an_object_that_is_gone_is_seen_to_be_gone(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, sky="blue"))
    live.client.delete(ConfigMap, made.name, namespace=namespace)
    assert kubernetes.read(made) is None


def test_an_object_can_be_taken_over_by_its_id(live: Live, kubernetes: Plugin, namespace: str) -> None:
    live.client.create(ConfigMap(metadata=ObjectMeta(name="theirs", namespace=namespace), data={"sky": "blue"}))
    urn = f"urn:pulumi:test::test::{CONFIG_MAP}::theirs"
    seen = kubernetes.read(Resource(urn, f"{namespace}/theirs", {}, {}))
    assert seen is not None
    assert seen.inputs["data"] == {"sky": "blue"}
    assert "uid" not in seen.inputs["metadata"]


# -- hiding --------------------------------------------------------------------------------------------------------


def test_secret_values_are_hidden_in_the_state(live: Live, kubernetes: Plugin, namespace: str) -> None:
    inputs = {"metadata": {"namespace": namespace, "name": "keys"}, "stringData": {"password": "open sesame"}}
    made = kubernetes.create(SECRET, "keys", inputs)
    assert isinstance(made.outputs["data"], Hidden)
    hidden = config_map(namespace, "hidden")
    hidden["data"] = {"a": Hidden("open sesame"), "b": "plain"}
    made = kubernetes.create(CONFIG_MAP, "hidden", hidden)
    assert made.outputs["data"] == {"a": Hidden("open sesame"), "b": "plain"}
    assert live.client.get(ConfigMap, "hidden", namespace=namespace).data == {"a": "open sesame", "b": "plain"}
    assert live.client.get(Secret, "keys", namespace=namespace).data is not None


# -- deleting ------------------------------------------------------------------------------------------------------


def test_delete_removes_the_object(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, sky="blue"))
    kubernetes.delete(made)
    assert not exists(live, ConfigMap, made.name, namespace)
    kubernetes.delete(made)


def test_delete_waits_until_the_object_is_gone(live: Live, kubernetes: Plugin, namespace: str) -> None:
    held = config_map(namespace, "held")
    held["metadata"]["finalizers"] = ["slipway.test/hold"]
    made = kubernetes.create(CONFIG_MAP, "held", held)
    with pytest.raises(PluginError, match=r"held by slipway\.test/hold"):
        kubernetes.delete(made, seconds=1)
    waiting = threading.Thread(target=kubernetes.delete, args=(made,))
    waiting.start()
    time.sleep(0.5)
    assert waiting.is_alive()
    live.client.patch(ConfigMap, "held", {"metadata": {"finalizers": None}}, namespace=namespace)
    waiting.join(timeout=20)
    assert not waiting.is_alive()
    assert not exists(live, ConfigMap, "held", namespace)


# -- refusing ------------------------------------------------------------------------------------------------------


def test_an_unknown_kind_is_an_error_that_says_where_to_add_it(kubernetes: Plugin) -> None:
    with pytest.raises(PluginError, match=r"does not know kubernetes:batch/v1:CronJob; add it to .*kinds\.py"):
        kubernetes.check("kubernetes:batch/v1:CronJob", "job", {})


def test_an_endpoint_beyond_the_loopback_is_refused(live: Live, tmp_path: Path) -> None:
    content = yaml.safe_load(live.instance.kubeconfig.read_text())
    content["clusters"][0]["cluster"]["server"] = "https://203.0.113.7:6443"
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text(yaml.safe_dump(content))
    with plugin() as connected, pytest.raises(PluginError, match=r"203\.0\.113\.7:6443 is not on this machine"):
        connected.configure(kubeconfig=str(elsewhere))


def test_a_context_that_is_not_there_is_refused(live: Live) -> None:
    with plugin() as connected, pytest.raises(PluginError, match=r"has no context 'production' .*slipway-local"):
        connected.configure(kubeconfig=str(live.instance.kubeconfig), context="production")


def test_a_preview_of_a_replacement_is_not_hindered_by_what_it_replaces(kubernetes: Plugin, namespace: str) -> None:
    kubernetes.create(DEPLOYMENT, "web", deployment(namespace))
    planned = kubernetes.create(DEPLOYMENT, "web", deployment(namespace, app="other"), preview=True)
    assert planned.outputs["spec"]["selector"] == {"matchLabels": {"app": "other"}}
