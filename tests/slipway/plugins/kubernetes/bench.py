"""What the tests of the kubernetes plugin are made of: manifests, and a plugin that serves them."""

from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import yaml
from lightkube.resources.core_v1 import Pod
from pulumi.runtime.proto import provider_pb2

from slipway.embedded.node import PAUSE_IMAGE
from slipway.plugins.kubernetes.provider import Kubernetes
from slipway.plugins.properties import encode
from tests.live import Live, until
from tests.slipway.plugins.plugin_client import Plugin, PluginError, Resource, serving

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
ACCOUNT = "kubernetes:core/v1:ServiceAccount"
ABSENT_IMAGE = "localhost/absent:1"


@contextmanager
def plugin() -> Iterator[Plugin]:
    """A plugin of its own, as every provider of a program has."""
    provider = Kubernetes()
    try:
        with serving(provider) as connected:
            yield connected
    finally:
        provider.close()


def urn_of(token: str, name: str) -> str:
    return f"urn:pulumi:test::test::{token}::{name}"


def config_map(namespace: str, name: str = "", **data: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, **({"name": name} if name else {})}, "data": data}


def deployment(
    namespace: str, *, replicas: int = 1, image: str = PAUSE_IMAGE, app: str = "web", **annotations: str
) -> dict[str, Any]:
    container = {"name": "c", "image": image, "resources": {"requests": {"cpu": "10m"}}}
    metadata: dict[str, Any] = {"namespace": namespace, "name": "web"}
    if annotations:
        metadata["annotations"] = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": {
                "metadata": {"labels": {"app": app}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    }


def unawaited(namespace: str, **options: Any) -> dict[str, Any]:
    """A Deployment for tests that its pods are of no interest to."""
    return deployment(namespace, **options, skipAwait="true")


def container_of(manifest: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = manifest["spec"]["template"]["spec"]["containers"][0]
    return container


def service(namespace: str, *, app: str = "web", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": "web"},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80}], **spec},
    }


def exists(live: Live, kind: Any, name: str, namespace: str) -> bool:
    return any(item.metadata.name == name for item in live.client.list(kind, namespace=namespace))


def kubeconfig(live: Live, **servers: str) -> dict[str, Any]:
    """The instance's kubeconfig, with further clusters by name: each is the instance's own, at another address."""
    content: dict[str, Any] = yaml.safe_load(live.instance.kubeconfig.read_text())
    cluster = content["clusters"][0]["cluster"]
    for name, server in servers.items():
        content["clusters"].append({"name": name, "cluster": {**cluster, "server": server}})
    return content


def with_ignored(plugin: Plugin, method: str, old: Resource, inputs: dict[str, Any], *ignored: str) -> Any:
    """`Diff` or `Update` of a resource that leaves properties alone, once its inputs are checked.

    Args:
        plugin: Which plugin.
        method: `Diff`, `Update`, or `Preview` (an update that changes nothing).
        old: As recorded.
        inputs: As the engine hands them over: what is ignored has its old value.
        ignored: `ignoreChanges`.
    """
    _, _, token, name = old.urn.split("::")
    common: dict[str, Any] = {
        "id": old.identity,
        "urn": old.urn,
        "olds": encode(old.outputs),
        "old_inputs": encode(old.inputs),
        "news": encode(plugin.check(token, name, inputs, old)),
        "ignoreChanges": ignored,
    }
    if method == "Diff":
        return plugin.call("Diff", provider_pb2.DiffRequest(**common))
    return plugin.call("Update", provider_pb2.UpdateRequest(**common, preview=method == "Preview"))


def cancelled_once_a_pod_fails(live: Live, plugin: Plugin, namespace: str, work: Callable[[], Any]) -> PluginError:
    """What comes of work that waits for a pod, when the engine gives up as soon as the kubelet has."""

    def waits() -> bool:
        statuses = [pod.status.containerStatuses for pod in live.client.list(Pod, namespace=namespace) if pod.status]
        waiting = [each.state.waiting for found in statuses for each in found or [] if each.state]
        return any(each and each.reason in {"ErrImagePull", "ImagePullBackOff"} for each in waiting)

    with futures.ThreadPoolExecutor(1) as worker:
        done = worker.submit(work)
        until(waits, "the kubelet to give up on the image")
        plugin.cancel()
        error = done.exception(timeout=60)
    assert isinstance(error, PluginError), error
    return error
