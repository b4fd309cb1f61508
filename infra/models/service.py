"""ModelService: what Kubernetes needs to serve one model."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Namespace, Service, ServiceAccount

from infra.models.planning import ModelSpec

_START_SECONDS = 120
"""How long a model may take to load before its container is restarted."""
_DRAIN_SECONDS = 30
"""How long a pod may take to finish what it is answering."""
_WRITABLE = "/tmp"  # noqa: S108  # the container's own, in memory-backed scratch space


class ModelNamespace(pulumi.ComponentResource):
    """The namespace that models share; Kubernetes itself refuses pods with privileges there.

    Args:
        name: Name of the namespace.
        opts: Must carry the provider of the cluster.
    """

    def __init__(self, name: str, *, opts: pulumi.ResourceOptions) -> None:
        """Make it."""
        super().__init__("slipway:models:ModelNamespace", name, {}, opts)
        self.namespace = Namespace(
            name,
            metadata={
                "name": name,
                "labels": {
                    "app.kubernetes.io/part-of": "slipway",
                    # https://kubernetes.io/docs/concepts/security/pod-security-standards/
                    "pod-security.kubernetes.io/enforce": "restricted",
                },
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = self.namespace.metadata["name"]
        self.register_outputs({"name": self.name})


class ModelService(pulumi.ComponentResource):
    """One model, served: its pods and the address that finds them.

    Args:
        name: The model's name.
        spec: What it is made from.
        opts: Must carry the provider of the cluster.

    Attributes:
        address: Its address inside the cluster, `http://…`.
    """

    def __init__(self, name: str, *, spec: ModelSpec, opts: pulumi.ResourceOptions) -> None:
        """Make the account, the pods and the Service."""
        super().__init__("slipway:models:ModelService", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        metadata = {"name": name, "namespace": spec.namespace, "labels": spec.labels}
        account = ServiceAccount(name, metadata=metadata, automount_service_account_token=False, opts=child)
        self.deployment = Deployment(
            name,
            metadata=metadata,
            spec=_deployment(spec),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[account]),
        )
        self.service = Service(
            name,
            metadata=metadata,
            spec={
                "selector": spec.selector,
                "ports": [{"name": "http", "port": 80, "targetPort": "http", "appProtocol": "http"}],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.deployment]),
        )
        self.address = pulumi.Output.format(
            "http://{0}.{1}.svc", self.service.metadata["name"], self.service.metadata["namespace"]
        )
        self.register_outputs({"address": self.address})


def _deployment(spec: ModelSpec) -> Mapping[str, Any]:
    amounts = {"cpu": spec.cpu, "memory": spec.memory}
    return {
        "replicas": spec.replicas,
        "selector": {"matchLabels": spec.selector},
        # A new pod serves before an old one goes: capacity never dips below what was asked for.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": spec.labels},
            "spec": {
                "serviceAccountName": spec.name,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": _DRAIN_SECONDS,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": spec.user,
                    "runAsGroup": spec.user,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "model",
                        "image": spec.image,
                        "imagePullPolicy": "IfNotPresent",
                        "ports": [{"name": "http", "containerPort": spec.port}],
                        "env": [
                            {"name": "BENTOML_HOME", "value": f"{_WRITABLE}/bentoml"},
                            {"name": "HOME", "value": _WRITABLE},
                            # A server tells nobody outside what it serves.
                            {"name": "BENTOML_DO_NOT_TRACK", "value": "true"},
                        ],
                        "resources": {"requests": amounts, "limits": amounts},
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "capabilities": {"drop": ["ALL"]},
                            "readOnlyRootFilesystem": True,
                        },
                        "startupProbe": _probe("/livez", periodSeconds=1, failureThreshold=_START_SECONDS),
                        "livenessProbe": _probe("/livez", periodSeconds=10, failureThreshold=3),
                        "readinessProbe": _probe("/readyz", periodSeconds=2, failureThreshold=2),
                        "volumeMounts": [{"name": "scratch", "mountPath": _WRITABLE}],
                    }
                ],
                "volumes": [{"name": "scratch", "emptyDir": {}}],
            },
        },
    }


def _probe(path: str, **timing: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 2, **timing}
