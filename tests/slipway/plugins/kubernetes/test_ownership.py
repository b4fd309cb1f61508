"""Whose fields are whose, against a real API server: conflicts, what is left alone, what is taken over."""

from typing import Any

import pytest
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment, DeploymentScale
from lightkube.resources.core_v1 import ConfigMap

from slipway.plugins.properties import decode
from tests.live import Live
from tests.slipway.plugins.kubernetes.bench import CONFIG_MAP, DEPLOYMENT, config_map, unawaited, urn_of, with_ignored
from tests.slipway.plugins.plugin_client import Plugin, PluginError, Resource


def managers_of(live: Live, namespace: str, name: str = "colours") -> list[tuple[str, str]]:
    metadata = live.client.get(ConfigMap, name, namespace=namespace).metadata
    assert metadata is not None
    return [(str(entry.manager), str(entry.operation)) for entry in metadata.managedFields or []]


def scale(live: Live, namespace: str, replicas: int, manager: str) -> None:
    """Set replicas as an autoscaler and `kubectl scale` do."""
    wanted = DeploymentScale(metadata=ObjectMeta(name="web", namespace=namespace), spec=ScaleSpec(replicas=replicas))
    live.client.replace(wanted, "web", namespace=namespace, field_manager=manager)


# -- the name ------------------------------------------------------------------------------------------------------


def test_a_resource_manages_its_fields_under_a_name_of_its_own(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="blue"))
    manager = made.outputs["__fieldManager"]
    assert manager.startswith("pulumi-kubernetes-")
    assert len(manager) == len("pulumi-kubernetes-") + 8
    assert managers_of(live, namespace) == [(manager, "Apply")]
    other = kubernetes.create(CONFIG_MAP, "other", config_map(namespace, "other"))
    assert other.outputs["__fieldManager"] != manager


def test_the_name_in_the_state_is_kept(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="blue"))
    made.outputs["__fieldManager"] = "pulumi-kubernetes-cafecafe"
    seen = kubernetes.read(made)
    assert seen is not None
    assert seen.outputs["__fieldManager"] == "pulumi-kubernetes-cafecafe"
    labelled = config_map(namespace, "colours", sky="blue")
    labelled["metadata"]["labels"] = {"a": "b"}
    assert kubernetes.update(seen, labelled).outputs["__fieldManager"] == "pulumi-kubernetes-cafecafe"
    assert ("pulumi-kubernetes-cafecafe", "Apply") in managers_of(live, namespace)


def test_an_object_that_is_taken_over_has_the_name_it_would_have_had(kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", config_map(namespace, "colours", sky="blue"))
    seen = kubernetes.read(Resource(urn_of(CONFIG_MAP, "colours"), made.identity, {}, {}))
    assert seen is not None
    assert seen.outputs["__fieldManager"] == made.outputs["__fieldManager"]


# -- conflicts -----------------------------------------------------------------------------------------------------


def test_a_field_of_another_manager_is_a_conflict_unless_taken_by_force(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    made = kubernetes.create(DEPLOYMENT, "web", unawaited(namespace))
    live.client.patch(Deployment, "web", {"spec": {"replicas": 3}}, namespace=namespace, field_manager="somebody")
    for preview in (True, False):
        with pytest.raises(PluginError) as failed:
            kubernetes.update(made, unawaited(namespace, replicas=2), preview=preview)
        said = str(failed.value)
        assert said.startswith("Server-Side Apply field conflict detected. See https://www.pulumi.com/registry/")
        assert f'managed by field manager "{made.outputs["__fieldManager"]}" had an apply conflict' in said
        assert 'Apply failed with 1 conflict: conflict with "somebody"' in said
        assert "pulumi.com/patchForce" in said
    forced = unawaited(namespace, replicas=2, patchForce="true")
    assert kubernetes.update(made, forced).outputs["spec"]["replicas"] == 2


# -- what is left alone --------------------------------------------------------------------------------------------


def test_what_a_program_leaves_to_others_stays_theirs(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(DEPLOYMENT, "web", unawaited(namespace))
    scale(live, namespace, 2, "kube-controller-manager")
    changed = unawaited(namespace)
    changed["metadata"]["labels"] = {"a": "b"}
    with pytest.raises(PluginError, match='conflict with "kube-controller-manager" with subresource "scale"'):
        kubernetes.update(made, changed)
    for method in ("Preview", "Update"):
        outputs = decode(with_ignored(kubernetes, method, made, changed, "spec.replicas").properties)
        assert outputs["spec"]["replicas"] == 2
        assert outputs["metadata"]["labels"] == {"a": "b"}
    live_replicas = live.client.get(Deployment, "web", namespace=namespace).spec
    assert live_replicas is not None
    assert live_replicas.replicas == 2


def test_what_is_ignored_and_ours_stays_as_it_is(kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", marked(namespace, **{"slipway.test/a": "1"}))
    reply = with_ignored(
        kubernetes,
        "Update",
        made,
        marked(namespace, **{"slipway.test/a": "2", "slipway.test/b": "2"}),
        'metadata.annotations["slipway.test/a"]',
    )
    assert decode(reply.properties)["metadata"]["annotations"] == {"slipway.test/a": "1", "slipway.test/b": "2"}


def test_a_change_below_what_is_ignored_is_none(kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", marked(namespace, a="1"))
    changed = marked(namespace, a="2", b="2")
    reply = with_ignored(kubernetes, "Diff", made, changed, "metadata.annotations")
    assert reply.changes == reply.DIFF_NONE
    reply = with_ignored(kubernetes, "Diff", made, changed, "metadata.annotations.a")
    assert list(reply.detailedDiff) == ["metadata.annotations.b"]


def marked(namespace: str, **annotations: str) -> dict[str, Any]:
    inputs = config_map(namespace, "colours")
    inputs["metadata"]["annotations"] = annotations
    return inputs


# -- what is taken over --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manager", ["kubectl-edit", "before-first-apply", "pulumi-resource-kubernetes"])
def test_what_kubectl_and_older_plugins_set_is_taken_over(
    live: Live, kubernetes: Plugin, namespace: str, manager: str
) -> None:
    made = kubernetes.create(CONFIG_MAP, "colours", marked(namespace, a="1"))
    theirs = {"metadata": {"annotations": {"a": "edited", "b": "added"}}}
    live.client.patch(ConfigMap, "colours", theirs, namespace=namespace, field_manager=manager)
    assert (manager, "Update") in managers_of(live, namespace)
    planned = kubernetes.update(made, marked(namespace, a="2"), preview=True)
    assert planned.outputs["metadata"]["annotations"]["a"] == "2"
    assert (manager, "Update") in managers_of(live, namespace)
    changed = kubernetes.update(made, marked(namespace, a="2"))
    assert changed.outputs["metadata"]["annotations"] == {"a": "2"}
    assert managers_of(live, namespace) == [(made.outputs["__fieldManager"], "Apply")]


def test_what_kubectl_scaled_is_not_taken_over(live: Live, kubernetes: Plugin, namespace: str) -> None:
    made = kubernetes.create(DEPLOYMENT, "web", unawaited(namespace))
    scale(live, namespace, 2, "kubectl")
    for preview in (True, False):
        with pytest.raises(PluginError, match='conflict with "kubectl" with subresource "scale"'):
            kubernetes.update(made, unawaited(namespace, replicas=3), preview=preview)
