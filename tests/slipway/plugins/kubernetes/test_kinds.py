"""What is particular about the kinds of the table, against a real API server and real pods."""

from collections.abc import Iterator
from typing import Any

import pytest
from lightkube.resources.networking_v1 import IngressStatus
from pulumi.runtime.proto import provider_pb2

from slipway.embedded.node import PAUSE_IMAGE
from slipway.plugins.properties import UNKNOWN
from tests.live import Live
from tests.slipway.plugins.plugin_client import Plugin, PluginError, Resource

JOB = "kubernetes:batch/v1:Job"
NEVER_WELL = {"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 1}
"""A probe that has the kubelet end a container, which then ends well: no image here does so by itself."""


def pod(*, command: list[str] | None = None, probe: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "c", "image": PAUSE_IMAGE, "resources": {"requests": {"cpu": "10m"}}}
    container.update({"command": command} if command else {}, **({"livenessProbe": probe} if probe else {}))
    return {"spec": {"containers": [container], "terminationGracePeriodSeconds": 1, **spec}}


def job(namespace: str, *, command: list[str] | None = None, **spec: Any) -> dict[str, Any]:
    template = pod(command=command, probe=None if command else NEVER_WELL, restartPolicy="Never")
    return {"metadata": {"namespace": namespace, "name": "job"}, "spec": {"template": template, **spec}}


def replicated(live: Live, namespace: str, **spec: Any) -> dict[str, Any]:
    """Of a DaemonSet or a StatefulSet: on the one real node."""
    template = pod(nodeSelector={"kubernetes.io/hostname": live.instance.node_name})
    template["metadata"] = {"labels": {"app": "set"}}
    selector = {"matchLabels": {"app": "set"}}
    return {
        "metadata": {"namespace": namespace, "name": "set"},
        "spec": {"selector": selector, "template": template, **spec},
    }


@pytest.fixture
def late(kubernetes: Plugin, namespace: str) -> Iterator[Resource]:
    """A storage class whose claims are bound when a pod needs them."""
    metadata = {"name": f"{namespace}-late"}
    inputs = {"metadata": metadata, "provisioner": "slipway.test/none", "volumeBindingMode": "WaitForFirstConsumer"}
    made = kubernetes.create("kubernetes:storage.k8s.io/v1:StorageClass", "late", inputs)
    yield made
    kubernetes.delete(made)


# -- jobs ----------------------------------------------------------------------------------------------------------


def test_a_job_is_waited_for_until_it_is_complete_and_made_anew_when_its_pods_change(
    kubernetes: Plugin, namespace: str
) -> None:
    made = kubernetes.create(JOB, "job", job(namespace), seconds=60)
    assert made.outputs["status"]["succeeded"] == 1
    assert kubernetes.diff(made, job(namespace)).changes == provider_pb2.DiffResponse.DIFF_NONE
    reply = kubernetes.diff(made, job(namespace, command=["/other"]))
    assert all(each.startswith("spec.template.spec.containers[0]") for each in reply.replaces)
    assert reply.replaces
    assert reply.deleteBeforeReplace
    assert not kubernetes.diff(made, job(namespace, activeDeadlineSeconds=60)).replaces


@pytest.mark.node
def test_a_job_that_fails_is_recorded_at_once_with_the_reason(kubernetes: Plugin, namespace: str) -> None:
    with pytest.raises(PluginError) as failed:
        kubernetes.create(JOB, "job", job(namespace, command=["/nothing"], backoffLimit=0), seconds=30)
    said = failed.value.partial.reasons
    assert said[0] == "it failed: waiting for it to be complete, which it will not be"
    assert any("[BackoffLimitExceeded]" in reason for reason in said)
    assert any("container c ended with status 128" in reason for reason in said)


# -- sets ----------------------------------------------------------------------------------------------------------


def test_sets_are_waited_for_until_every_pod_is_there_and_updated(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    stateful = "kubernetes:apps/v1:StatefulSet"
    wanted = replicated(live, namespace, serviceName="set", replicas=1)
    made = kubernetes.create(stateful, "set", wanted)
    assert made.outputs["status"]["readyReplicas"] == 1
    wanted["spec"]["template"]["metadata"]["annotations"] = {"a": "b"}
    changed = kubernetes.update(made, wanted)
    status = changed.outputs["status"]
    assert status["currentRevision"] == status["updateRevision"] != made.outputs["status"]["currentRevision"]
    assert list(kubernetes.diff(changed, {**wanted, "spec": {**wanted["spec"], "serviceName": "x"}}).replaces) == [
        "spec.serviceName"
    ]
    each_node = "kubernetes:apps/v1:DaemonSet"
    apart = {"app": "each"}
    nodes = replicated(live, namespace)
    nodes["spec"]["selector"]["matchLabels"] = nodes["spec"]["template"]["metadata"]["labels"] = apart
    made = kubernetes.create(each_node, "set", nodes)
    assert made.outputs["status"]["numberAvailable"] == 1


# -- others that are waited for ------------------------------------------------------------------------------------


def test_an_ingress_is_waited_for_until_it_has_an_address(live: Live, kubernetes: Plugin, namespace: str) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    wanted = {"metadata": {"namespace": namespace, "name": "web"}, "spec": {"defaultBackend": backend}}
    with pytest.raises(PluginError, match="does this cluster have an ingress controller"):
        kubernetes.create("kubernetes:networking.k8s.io/v1:Ingress", "web", wanted, seconds=1)
    status = {"status": {"loadBalancer": {"ingress": [{"hostname": "web.slipway.test"}]}}}
    live.client.patch(IngressStatus, "web", status, namespace=namespace)
    assert kubernetes.create("kubernetes:networking.k8s.io/v1:Ingress", "web", wanted).identity == f"{namespace}/web"


def test_a_volume_claim_is_waited_for_until_it_is_bound_unless_it_waits_for_a_pod(
    kubernetes: Plugin, namespace: str, late: Resource
) -> None:
    token = "kubernetes:core/v1:PersistentVolumeClaim"

    def claim(name: str, of: str, size: str = "1Mi") -> dict[str, Any]:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": of}
        return {"metadata": {"namespace": namespace, "name": name}, "spec": spec}

    made = kubernetes.create(token, "late", claim("late", late.name))
    assert made.outputs["status"]["phase"] == "Pending"
    assert not kubernetes.diff(made, claim("late", late.name, "2Mi")).replaces
    assert list(kubernetes.diff(made, claim("late", "")).replaces) == ["spec.storageClassName"]
    with pytest.raises(PluginError, match=r"waiting for it to be bound \(it is Pending\)"):
        kubernetes.create(token, "never", claim("never", ""), seconds=1)


def test_another_provisioner_means_another_storage_class(kubernetes: Plugin, late: Resource) -> None:
    other = {**late.inputs, "provisioner": "slipway.test/other"}
    assert list(kubernetes.diff(late, other).replaces) == ["provisioner"]


def test_what_controllers_add_is_waited_for(kubernetes: Plugin, namespace: str) -> None:
    quota = {"metadata": {"namespace": namespace, "name": "few"}, "spec": {"hard": {"pods": "7"}}}
    made = kubernetes.create("kubernetes:core/v1:ResourceQuota", "few", quota)
    assert made.outputs["status"]["hard"] == {"pods": "7"}
    annotations = {"kubernetes.io/service-account.name": "nobody"}
    secret = {
        "metadata": {"namespace": namespace, "name": "token", "annotations": annotations},
        "type": "kubernetes.io/service-account-token",
    }
    with pytest.raises(PluginError, match=r"was deleted while it was waited for|the token of its service account"):
        kubernetes.create("kubernetes:core/v1:Secret", "token", secret, seconds=1)


# -- what replaces, and what is refused ----------------------------------------------------------------------------


def test_another_role_means_another_binding(kubernetes: Plugin, namespace: str) -> None:
    def binding(role: str) -> dict[str, Any]:
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role}
        subjects = [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}]
        return {"metadata": {"namespace": namespace, "name": "b"}, "roleRef": reference, "subjects": subjects}

    made = kubernetes.create("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "b", binding("one"))
    assert list(kubernetes.diff(made, binding("two")).replaces) == ["roleRef.name"]


def test_the_value_of_a_priority_stays_what_it_is(kubernetes: Plugin, namespace: str) -> None:
    token = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
    wanted = {"metadata": {"name": namespace}, "value": 7, "description": "for a test"}
    made = kubernetes.create(token, "p", wanted)
    assert made.identity == namespace
    changed = {**wanted, "value": 8}
    assert not kubernetes.diff(made, changed).replaces  # as the official plugin, which has no rule for it
    with pytest.raises(PluginError, match="value: Forbidden: may not be changed in an update"):
        kubernetes.update(made, changed, preview=True)
    kubernetes.delete(made)


RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
WEBHOOK = {
    "name": "w.slipway.test",
    "admissionReviewVersions": ["v1"],
    "sideEffects": "None",
    "clientConfig": {"url": "https://127.0.0.1:1/"},
}


@pytest.mark.parametrize(
    ("token", "rest"),
    [
        ("admissionregistration.k8s.io/v1:MutatingWebhookConfiguration", {"webhooks": [WEBHOOK]}),
        ("admissionregistration.k8s.io/v1:ValidatingWebhookConfiguration", {"webhooks": [WEBHOOK]}),
        (
            "apiregistration.k8s.io/v1:APIService",
            {
                "spec": {
                    "group": "m.slipway.test",
                    "version": "v1",
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                    "insecureSkipTLSVerify": True,
                    "service": {"name": "m", "namespace": "default"},
                }
            },
        ),
        (
            "autoscaling/v2:HorizontalPodAutoscaler",
            {
                "spec": {
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                    "maxReplicas": 3,
                }
            },
        ),
        ("batch/v1:CronJob", {"spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {}}}}}),
        ("core/v1:LimitRange", {"spec": {"limits": [{"type": "Pod", "max": {"cpu": "1"}}]}}),
        ("networking.k8s.io/v1:IngressClass", {"spec": {"controller": "slipway.test/none"}}),
        ("networking.k8s.io/v1:NetworkPolicy", {"spec": {"podSelector": {}}}),
        ("policy/v1:PodDisruptionBudget", {"spec": {"minAvailable": 1, "selector": {}}}),
        ("rbac.authorization.k8s.io/v1:ClusterRole", {"rules": RULES}),
        ("rbac.authorization.k8s.io/v1:ClusterRoleBinding", {}),
        ("rbac.authorization.k8s.io/v1:Role", {"rules": RULES}),
    ],
    ids=lambda value: value.rpartition(":")[2] if isinstance(value, str) else "",
)
def test_every_other_kind_is_one_that_the_server_serves(
    kubernetes: Plugin, namespace: str, token: str, rest: dict[str, Any]
) -> None:
    inputs = {**rest, "metadata": {"name": "v1.m.slipway.test" if "APIService" in token else namespace}}
    if "CronJob" in token:
        template = pod(restartPolicy="Never")
        inputs["spec"] = {**rest["spec"], "jobTemplate": {"spec": {"template": template}}}
    if "ClusterRoleBinding" in token:
        inputs["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    planned = kubernetes.create(f"kubernetes:{token}", "x", inputs, preview=True)
    assert planned.outputs["metadata"]["uid"] is UNKNOWN  # which says that the server has planned it
