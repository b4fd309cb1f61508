"""The life of an object, against a real API server. One test for each promise: `make faults` breaks each."""

import secrets
import threading
import time
from typing import Any

import pytest
from lightkube import ApiError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment, ReplicaSet
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret, ServiceAccount
from pulumi.runtime.proto import provider_pb2

from slipway.plugins.properties import UNKNOWN, encode, reveal
from slipway.plugins.properties import Secret as Hidden
from tests.live import Live
from tests.slipway.plugins.kubernetes.bench import (
    ACCOUNT,
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    SECRET,
    config_map,
    container_of,
    deployment,
    exists,
    plugin,
    unawaited,
    urn_of,
)
from tests.slipway.plugins.plugin_client import Plugin, PluginError, Resource

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


def test_what_the_server_refuses_is_an_error_in_its_words(live: Live, kubernetes: Plugin, namespace: str) -> None:
    wrong = deployment(namespace)
    wrong["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    for preview in (True, False):
        with pytest.raises(PluginError, match="`selector` does not match template `labels`"):
            kubernetes.create(DEPLOYMENT, "web", wrong, preview=preview)
    assert not exists(live, Deployment, "web", namespace)


def test_an_object_that_others_made_is_not_taken(live: Live, kubernetes: Plugin, namespace: str) -> None:
    live.client.create(ConfigMap(metadata=ObjectMeta(name="theirs", namespace=namespace), data={"sky": "blue"}))
    with pytest.raises(PluginError, match=f'configmaps "theirs" already exists in the namespace {namespace}.*import_'):
        kubernetes.create(CONFIG_MAP, "mine", config_map(namespace, "theirs", sky="grey"))
    assert live.client.get(ConfigMap, "theirs", namespace=namespace).data == {"sky": "blue"}


def test_an_object_whose_making_was_not_heard_of_is_taken_up(kubernetes: Plugin, namespace: str) -> None:
    first = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="blue"))
    with plugin() as later:
        later.configure()
        again = later.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="grey"))
    assert again.outputs["metadata"]["uid"] == first.outputs["metadata"]["uid"]
    assert again.outputs["data"] == {"sky": "grey"}


def test_a_new_object_does_not_take_up_the_one_it_replaces(kubernetes: Plugin, namespace: str) -> None:
    inputs = config_map(namespace, "colours", sky="blue")
    old = kubernetes.create(CONFIG_MAP, "colours", inputs)
    kubernetes.check(CONFIG_MAP, "colours", inputs, old)  # as the engine does before it decides
    with pytest.raises(PluginError, match='configmaps "colours" already exists'):
        kubernetes.create(CONFIG_MAP, "colours", inputs)


def test_an_object_waits_for_its_namespace(live: Live, kubernetes: Plugin) -> None:
    name = f"plugin-{secrets.token_hex(3)}"
    late = threading.Timer(1.0, lambda: live.client.create(Namespace(metadata=ObjectMeta(name=name))))
    late.start()
    try:
        assert kubernetes.create(CONFIG_MAP, "colours", config_map(name, "colours")).identity == f"{name}/colours"
    finally:
        late.join()
        live.client.delete(Namespace, name)


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


def test_what_is_only_known_once_an_object_is_made_is_unknown_before(kubernetes: Plugin, namespace: str) -> None:
    planned = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, "colours"), preview=True)
    assert planned.outputs["metadata"]["uid"] is UNKNOWN
    assert "status" not in planned.outputs
    unknown = {"metadata": UNKNOWN, "data": {"sky": "blue"}}
    assert kubernetes.create(CONFIG_MAP, "colours", unknown, preview=True).outputs["metadata"] is UNKNOWN


def test_a_preview_of_a_replacement_is_not_hindered_by_what_it_replaces(kubernetes: Plugin, namespace: str) -> None:
    kubernetes.create(DEPLOYMENT, "web", unawaited(namespace))
    planned = kubernetes.create(DEPLOYMENT, "web", unawaited(namespace, app="other"), preview=True)
    assert planned.outputs["spec"]["selector"] == {"matchLabels": {"app": "other"}}


# -- changing ------------------------------------------------------------------------------------------------------


def test_the_same_inputs_are_no_change(kubernetes: Plugin, namespace: str) -> None:
    inputs = unawaited(namespace)
    made = kubernetes.create(DEPLOYMENT, "web", inputs)
    reply = kubernetes.diff(made, inputs)
    assert reply.changes == reply.DIFF_NONE
    assert not reply.replaces


def test_a_change_is_an_update_that_names_the_property(kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(DEPLOYMENT, "web", unawaited(namespace))
    reply = kubernetes.diff(made, unawaited(namespace, replicas=2))
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


def test_a_change_of_an_object_that_is_gone_is_an_error(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(ACCOUNT, "who", {"metadata": {"namespace": namespace, "name": "who"}})
    live.client.delete(ServiceAccount, "who", namespace=namespace)
    with pytest.raises(PluginError, match=r'"who" not found.*run `pulumi refresh`'):
        kubernetes.update(made, {"metadata": {"namespace": namespace, "name": "who", "labels": {"a": "b"}}})


def test_another_spelling_of_the_same_value_is_no_change(kubernetes: Plugin, namespace: str) -> None:
    inputs = unawaited(namespace)
    made = kubernetes.create(DEPLOYMENT, "web", inputs)
    container_of(inputs)["resources"]["requests"]["cpu"] = "0.01"
    reply = kubernetes.diff(made, inputs)
    assert reply.changes == reply.DIFF_NONE


def test_another_value_is_a_change_even_where_others_made_it_already(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    made = kubernetes.create(DEPLOYMENT, "web", unawaited(namespace))
    live.client.patch(Deployment, "web", {"spec": {"replicas": 2}}, namespace=namespace)
    assert list(kubernetes.diff(made, unawaited(namespace, replicas=2)).detailedDiff) == ["spec.replicas"]


def test_what_can_be_changed_is_not_replaced(kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="blue"))
    changed = config_map(namespace, "colours", sky="blue")
    changed["metadata"]["labels"] = {"a": "b"}
    reply = kubernetes.diff(made, changed)
    assert list(reply.detailedDiff) == ["metadata.labels"]
    assert not reply.replaces


def test_what_the_server_calls_immutable_is_refused_by_the_preview(kubernetes: Plugin, namespace: str) -> None:
    inputs = {"metadata": {"namespace": namespace, "name": "fixed"}, "immutable": True, "type": "Opaque"}
    made = kubernetes.create(SECRET, "fixed", inputs)
    mutable = {**inputs, "immutable": False}
    assert not kubernetes.diff(made, mutable).replaces
    for preview in (True, False):
        with pytest.raises(PluginError, match="field is immutable when `immutable` is set"):
            kubernetes.update(made, mutable, preview=preview)


def test_a_property_of_the_table_that_changes_means_a_new_object(kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, sky="blue"))
    reply = kubernetes.diff(made, config_map(namespace, sky="grey"))
    assert list(reply.replaces) == ["data.sky"]


def test_an_object_with_a_fixed_name_is_deleted_before_it_is_replaced(kubernetes: Plugin, namespace: str) -> None:
    fixed = kubernetes.create(CONFIG_MAP, "fixed", config_map(namespace, "fixed", sky="blue"))
    assert kubernetes.diff(fixed, config_map(namespace, "fixed", sky="grey")).deleteBeforeReplace
    free = kubernetes.create(CONFIG_MAP, "free", config_map(namespace, sky="blue"))
    assert not kubernetes.diff(free, config_map(namespace, sky="grey")).deleteBeforeReplace


# -- seeing --------------------------------------------------------------------------------------------------------


def test_a_refresh_sees_what_others_changed_and_nothing_else(live: Live, kubernetes: Plugin, namespace: str) -> None:
    inputs = deployment(namespace, skipAwait="true")
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
    inputs = unawaited(namespace)
    container_of(inputs)["resources"]["requests"] = {"cpu": "0.01", "memory": "1024Ki"}
    made = kubernetes.create(DEPLOYMENT, "web", inputs)
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.inputs == made.inputs


def test_an_object_that_is_gone_is_seen_to_be_gone(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, sky="blue"))
    live.client.delete(ConfigMap, made.name, namespace=namespace)
    assert kubernetes.read(made) is None


def test_an_object_can_be_taken_over_by_its_id(live: Live, kubernetes: Plugin, namespace: str) -> None:
    live.client.create(
        ConfigMap(
            metadata=ObjectMeta(
                name="theirs",
                namespace=namespace,
                annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"},
            ),
            data={"sky": "blue"},
        )
    )
    seen = kubernetes.read(Resource(urn_of(CONFIG_MAP, "theirs"), f"{namespace}/theirs", {}, {}))
    assert seen is not None
    assert seen.inputs == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "theirs", "namespace": namespace, "annotations": {"a": "b"}},
        "data": {"sky": "blue"},
    }
    theirs = config_map(namespace, "theirs", sky="blue")
    theirs["metadata"]["labels"] = {"c": "d"}
    changed = kubernetes.update(seen, theirs)
    assert changed.outputs["metadata"]["uid"] == seen.outputs["metadata"]["uid"]
    assert changed.outputs["metadata"]["labels"] == {"c": "d"}


# -- hiding --------------------------------------------------------------------------------------------------------


def test_secret_values_are_hidden_in_the_state(live: Live, kubernetes: Plugin, namespace: str) -> None:
    inputs = {"metadata": {"namespace": namespace, "name": "keys"}, "stringData": {"password": "open sesame"}}
    made = kubernetes.create(SECRET, "keys", inputs)
    assert made.inputs["stringData"] == Hidden({"password": "open sesame"})
    assert isinstance(made.outputs["data"], Hidden)
    seen = kubernetes.read(Resource(made.urn, made.identity, {}, {}))
    assert seen is not None
    assert isinstance(seen.inputs["data"], Hidden)
    hidden = config_map(namespace, "hidden")
    hidden["metadata"]["annotations"] = {"whose": Hidden("mine")}
    hidden["data"] = {"a": Hidden("open sesame"), "b": "plain"}
    made = kubernetes.create(CONFIG_MAP, "hidden", hidden)
    assert made.outputs["data"] == {"a": Hidden("open sesame"), "b": "plain"}
    assert made.outputs["metadata"]["annotations"] == {"whose": Hidden("mine")}
    assert live.client.get(ConfigMap, "hidden", namespace=namespace).data == {"a": "open sesame", "b": "plain"}
    assert live.client.get(Secret, "keys", namespace=namespace).data is not None


def test_a_name_that_was_made_stays_where_all_metadata_is_secret(kubernetes: Plugin, namespace: str) -> None:
    inputs = {"metadata": Hidden({"namespace": namespace}), "data": {"sky": "blue"}}
    made = kubernetes.create(CONFIG_MAP, "colours", inputs)
    assert isinstance(made.inputs["metadata"], Hidden)
    again = kubernetes.check(CONFIG_MAP, "colours", inputs, made)
    assert reveal(again)["metadata"]["name"] == made.name


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


def test_delete_of_a_namespace_waits_until_all_in_it_is_gone(live: Live, kubernetes: Plugin) -> None:
    name = f"plugin-{secrets.token_hex(3)}"
    made = kubernetes.create(NAMESPACE, "room", {"metadata": {"name": name}})
    held = config_map(name, "held")
    held["metadata"]["finalizers"] = ["slipway.test/hold"]
    kubernetes.create(CONFIG_MAP, "held", held)
    with pytest.raises(PluginError, match="still there after 1 s, held by kubernetes"):
        kubernetes.delete(made, seconds=1)
    live.client.patch(ConfigMap, "held", {"metadata": {"finalizers": None}}, namespace=name)
    kubernetes.delete(made)
    with pytest.raises(ApiError, match="not found"):
        live.client.get(Namespace, name)


def test_what_a_deleted_object_owns_can_be_left(live: Live, kubernetes: Plugin, namespace: str) -> None:
    kept = kubernetes.create(DEPLOYMENT, "web", deployment(namespace, deletionPropagationPolicy="orphan"))
    kubernetes.delete(kept)
    assert not exists(live, Deployment, "web", namespace)
    assert [each for each in live.client.list(ReplicaSet, namespace=namespace) if each.metadata]


def test_an_object_that_may_not_be_deleted_is_left_without_what_was_set_on_it(live: Live, kubernetes: Plugin) -> None:
    label = f"slipway.test/{secrets.token_hex(3)}"
    seen = kubernetes.read(Resource(urn_of(NAMESPACE, "default"), "default", {}, {}))
    assert seen is not None
    wanted = {"metadata": {"name": "default", "labels": {**seen.inputs["metadata"]["labels"], label: "x"}}}
    marked = kubernetes.update(seen, wanted)
    try:
        assert marked.outputs["metadata"]["labels"][label] == "x"
        kubernetes.delete(marked)
        metadata = live.client.get(Namespace, "default").metadata
        assert metadata is not None
        assert metadata.labels == seen.inputs["metadata"]["labels"]
    finally:
        live.client.patch(Namespace, "default", {"metadata": {"labels": {label: None}}})


# -- refusing ------------------------------------------------------------------------------------------------------


def test_an_unknown_kind_is_an_error_that_says_where_to_add_it(kubernetes: Plugin) -> None:
    with pytest.raises(
        PluginError, match=r"does not know kubernetes:node\.k8s\.io/v1:RuntimeClass; add it to .*kinds\.py"
    ):
        kubernetes.check("kubernetes:node.k8s.io/v1:RuntimeClass", "runc", {})


@pytest.mark.parametrize("kind", ["ConfigMapList", "ConfigMapPatch"])
def test_a_kind_of_the_sdk_that_is_no_object_is_refused(kubernetes: Plugin, kind: str) -> None:
    with pytest.raises(PluginError, match=f"does not know kubernetes:core/v1:{kind};"):
        kubernetes.check(f"kubernetes:core/v1:{kind}", "many", {})


@pytest.mark.parametrize(
    ("metadata", "where", "reason"),
    [
        ({"generateName": "colours-"}, "metadata.generateName", "not supported in Server-Side Apply mode"),
        (
            {"annotations": {"pulumi.com/replaceUnready": "true"}},
            'metadata.annotations["pulumi.com/replaceUnready"]',
            "does not follow pulumi.com/replaceUnready; it follows pulumi.com/autonamed, pulumi.com/patchForce",
        ),
        (
            {"annotations": {"pulumi.com/waitFor": "jsonpath={.status.conditions[*].type}=Ready"}},
            'metadata.annotations["pulumi.com/waitFor"]',
            "follows plain paths only",
        ),
    ],
    ids=["generateName", "replaceUnready", "waitFor"],
)
def test_what_would_be_passed_over_is_refused_by_name(
    kubernetes: Plugin, metadata: dict[str, Any], where: str, reason: str
) -> None:
    request = provider_pb2.CheckRequest(urn=urn_of(CONFIG_MAP, "colours"), news=encode({"metadata": metadata}))
    failures = kubernetes.call("Check", request).failures
    assert [failure.property for failure in failures] == [where]
    assert reason in failures[0].reason
