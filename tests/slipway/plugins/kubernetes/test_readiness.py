"""What is waited for, against a real API server and real pods: the rules of the official plugin."""

from typing import Any

import httpx2
import pytest
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Pod, ServiceStatus

from tests.live import Live, until
from tests.slipway.plugins.kubernetes.bench import (
    ABSENT_IMAGE,
    DEPLOYMENT,
    SERVICE,
    cancelled_once_a_pod_fails,
    container_of,
    deployment,
    exists,
    service,
)
from tests.slipway.plugins.plugin_client import Plugin, PluginError


def test_create_waits_until_every_replica_is_available(live: Live, kubernetes: Plugin, namespace: str) -> None:
    kubernetes.create(DEPLOYMENT, "web", deployment(namespace, replicas=2))
    status = live.client.get(Deployment, "web", namespace=namespace).status
    assert status is not None
    assert status.availableReplicas == 2


@pytest.mark.node
def test_an_object_that_does_not_become_ready_is_recorded_with_the_reason(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    absent = deployment(namespace, image=ABSENT_IMAGE)
    failed = cancelled_once_a_pod_fails(
        live, kubernetes, namespace, lambda: kubernetes.create(DEPLOYMENT, "web", absent)
    )
    assert failed.partial is not None
    assert failed.partial.id == f"{namespace}/web"
    assert failed.partial.reasons[0].startswith("cancelled while waiting for replicas")
    assert any("ErrImagePull" in reason or "ImagePullBackOff" in reason for reason in failed.partial.reasons)
    assert exists(live, Deployment, "web", namespace)


@pytest.mark.node
def test_an_annotation_says_how_long_to_wait_and_another_not_to(kubernetes: Plugin, namespace: str) -> None:
    with pytest.raises(PluginError, match="after 1 s still waiting for"):
        kubernetes.create(DEPLOYMENT, "web", deployment(namespace, image=ABSENT_IMAGE, timeoutSeconds="1"))
    with pytest.raises(PluginError, match="after 2 s still waiting for"):
        kubernetes.create(DEPLOYMENT, "web", deployment(namespace, image=ABSENT_IMAGE, timeoutSeconds="1"), seconds=2)
    unawaited = deployment(namespace, image=ABSENT_IMAGE, skipAwait="true")
    made = kubernetes.create(DEPLOYMENT, "web", unawaited, seconds=20)
    assert made.identity == f"{namespace}/web"


def test_a_paused_rollout_is_waited_for_until_it_is_resumed(kubernetes: Plugin, namespace: str) -> None:
    paused = deployment(namespace)
    paused["spec"]["paused"] = True
    with pytest.raises(PluginError, match=r"waiting for the rollout to be resumed: it is paused"):
        kubernetes.create(DEPLOYMENT, "web", paused, seconds=1)
    assert kubernetes.create(DEPLOYMENT, "web", deployment(namespace)).outputs["status"]["availableReplicas"] == 1


@pytest.mark.node
def test_a_service_waits_for_the_pods_it_selects(live: Live, kubernetes: Plugin, namespace: str) -> None:
    unready = deployment(namespace, skipAwait="true")
    container_of(unready)["readinessProbe"] = {"exec": {"command": ["/nothing"]}}
    kubernetes.create(DEPLOYMENT, "web", unready)

    def has_an_address() -> bool:
        return any(pod.status and pod.status.podIP for pod in live.client.list(Pod, namespace=namespace))

    until(has_an_address, "the pod's address")
    with pytest.raises(PluginError, match=r"waiting for the pods it selects to be ready \(1 are not\)") as failed:
        kubernetes.create(SERVICE, "web", service(namespace), seconds=1)
    assert failed.value.partial.id == f"{namespace}/web"


@pytest.mark.parametrize(
    "spec", [{"selector": None}, {"selector": {"app": "nobody"}}, {"clusterIP": "None"}, {"type": "ExternalName"}]
)
def test_a_service_without_pods_is_ready(kubernetes: Plugin, namespace: str, spec: dict[str, Any]) -> None:
    wanted = service(namespace, **spec, externalName="slipway.test" if "type" in spec else None)
    wanted["spec"] = {key: value for key, value in wanted["spec"].items() if value is not None}
    made = kubernetes.create(SERVICE, "web", wanted, seconds=60)
    assert made.outputs["metadata"]["uid"]


def test_a_load_balancer_is_waited_for_until_it_has_an_address(live: Live, kubernetes: Plugin, namespace: str) -> None:
    balanced = service(namespace, type="LoadBalancer")
    with pytest.raises(PluginError, match="waiting for an address for its load balancer"):
        kubernetes.create(SERVICE, "web", balanced, seconds=1)
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}}}
    live.client.patch(ServiceStatus, "web", status, namespace=namespace)
    made = kubernetes.create(SERVICE, "web", balanced, seconds=60)
    assert made.outputs["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.9"


def test_a_refresh_says_of_an_object_that_is_not_ready_that_it_is_not(
    live: Live, kubernetes: Plugin, namespace: str
) -> None:
    made = kubernetes.create(DEPLOYMENT, "web", deployment(namespace))
    assert kubernetes.read(made) is not None
    spoilt = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": ABSENT_IMAGE}]}}}}
    live.client.patch(Deployment, "web", spoilt, namespace=namespace)
    with pytest.raises(PluginError, match="it is not ready: waiting for") as failed:
        kubernetes.read(made)
    assert failed.value.partial.id == made.identity
    seen = failed.value.partial.inputs["spec"]["template"]["spec"]["containers"][0]["image"]
    assert seen == ABSENT_IMAGE


class Outage:
    """A server that, once it has taken an object, does not answer questions about it."""

    def __init__(self, patch: pytest.MonkeyPatch, after: str, answers: int) -> None:
        """Begin after the first request of a kind, and end after so many questions."""
        self.left, self._begun = answers, False
        original = httpx2.Client.send

        def send(client: httpx2.Client, request: httpx2.Request, **options: Any) -> httpx2.Response:
            if request.method == after:
                self._begun = True
            elif self._begun and self.left and request.method == "GET":
                self.left -= 1
                if self.left % 2:
                    raise httpx2.ConnectError("connection refused", request=request)
                return httpx2.Response(503, text="etcd is electing a leader", request=request)
            return original(client, request, **options)

        patch.setattr(httpx2.Client, "send", send)


def test_a_server_that_is_away_for_a_while_is_waited_for(
    live: Live, kubernetes: Plugin, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = Outage(monkeypatch, after="PATCH", answers=5)
    made = kubernetes.create(DEPLOYMENT, "web", deployment(namespace))
    assert outage.left == 0
    outage = Outage(monkeypatch, after="DELETE", answers=5)
    kubernetes.delete(made)
    assert outage.left == 0
    assert not exists(live, Deployment, "web", namespace)


def test_an_object_whose_server_stays_away_is_recorded(
    kubernetes: Plugin, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        Outage(patch, after="PATCH", answers=10**6)
        with pytest.raises(PluginError, match="after 1 s still waiting for the API server to answer") as failed:
            kubernetes.create(DEPLOYMENT, "web", deployment(namespace), seconds=1)
    assert failed.value.partial.id == f"{namespace}/web"
    assert any("does not answer" in reason for reason in failed.value.partial.reasons)
