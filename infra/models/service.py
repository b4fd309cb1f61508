"""ModelService: what Kubernetes needs to serve one model."""

from collections.abc import Mapping
from typing import cast

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict
from pulumi_kubernetes.core.v1 import (
    ContainerArgsDict,
    EnvVarArgsDict,
    Namespace,
    PodSpecArgsDict,
    ProbeArgsDict,
    Service,
    ServiceAccount,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from infra.models.placing import placed
from infra.models.planning import BENTO_SOURCES, ModelSpec

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
        metadata: ObjectMetaArgsDict = {"name": name, "namespace": spec.namespace, "labels": spec.labels}
        account = ServiceAccount(name, metadata=metadata, automount_service_account_token=False, opts=child)
        self.deployment = Deployment(
            name,
            metadata=metadata,
            spec=_deployment(spec),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[account]),
        )
        if spec.placement and spec.placement.max_unavailable:
            PodDisruptionBudget(
                name,
                metadata=metadata,
                spec={
                    "selector": {"match_labels": spec.selector},
                    "max_unavailable": _count_or_share(spec.placement.max_unavailable),
                    # A pod that never became ready is no capacity, and must not block the node it is on.
                    "unhealthy_pod_eviction_policy": "AlwaysAllow",
                },
                opts=child,
            )
        self.service = Service(
            name,
            metadata=metadata,
            spec={
                "selector": spec.selector,
                "ports": [{"name": "http", "port": 80, "target_port": "http", "app_protocol": "http"}],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.deployment]),
        )
        self.address = pulumi.Output.format(
            "http://{0}.{1}.svc", self.service.metadata["name"], self.service.metadata["namespace"]
        )
        self.register_outputs({"address": self.address})


def _deployment(spec: ModelSpec) -> DeploymentSpecArgsDict:
    return {
        "replicas": spec.replicas,
        "selector": {"match_labels": spec.selector},
        # A new pod serves before an old one goes: capacity never dips below what was asked for.
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}},
        "template": {
            "metadata": {"labels": spec.labels},
            "spec": _pod(spec),
        },
    }


def _pod(spec: ModelSpec) -> PodSpecArgsDict:
    pod: PodSpecArgsDict = {
        "service_account_name": spec.name,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "termination_grace_period_seconds": _DRAIN_SECONDS,
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": spec.user,
            "run_as_group": spec.user,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(spec)],
        "volumes": [{"name": "scratch", "empty_dir": {}}],
    }
    return cast("PodSpecArgsDict", {**pod, **placed(spec)})


def _container(spec: ModelSpec) -> ContainerArgsDict:
    container: ContainerArgsDict = {
        "name": "model",
        "image": spec.image,
        "image_pull_policy": "IfNotPresent",
        "ports": [{"name": "http", "container_port": spec.port}],
        "env": [
            {"name": "BENTOML_HOME", "value": f"{_WRITABLE}/bentoml"},
            {"name": "HOME", "value": _WRITABLE},
            # A server tells nobody outside what it serves.
            {"name": "BENTOML_DO_NOT_TRACK", "value": "true"},
            *_variables(spec.environment),
        ],
        "resources": {"requests": spec.amounts, "limits": spec.amounts},
        "security_context": {
            "allow_privilege_escalation": False,
            "capabilities": {"drop": ["ALL"]},
            "read_only_root_filesystem": True,
        },
        "startup_probe": _probe("/livez", period_seconds=1, failure_threshold=_START_SECONDS),
        "liveness_probe": _probe("/livez", period_seconds=10, failure_threshold=3),
        "readiness_probe": _probe("/readyz", period_seconds=2, failure_threshold=2),
        "volume_mounts": [{"name": "scratch", "mount_path": _WRITABLE}],
    }
    if spec.command:
        container["command"] = list(spec.command)
        container["working_dir"] = BENTO_SOURCES
    return container


def _variables(environment: Mapping[str, str]) -> list[EnvVarArgsDict]:
    return [{"name": name, "value": value} for name, value in environment.items()]


def _count_or_share(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _probe(path: str, *, period_seconds: int, failure_threshold: int) -> ProbeArgsDict:
    return {
        "http_get": {"path": path, "port": "http"},
        "timeout_seconds": 2,
        "period_seconds": period_seconds,
        "failure_threshold": failure_threshold,
    }
