"""ModelService: what Kubernetes needs to serve one model."""

from collections.abc import Mapping
from typing import cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
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
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicySpecArgsDict
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from infra import restricted
from infra.declared import declare
from infra.models.isolation import network_policy
from infra.models.monitoring import POD_MONITOR, pod_monitor
from infra.models.placing import placed
from infra.models.planning import BENTO_SOURCES, ModelSpec
from infra.models.scaling import SCALED_OBJECT, ScaledObjectSpec

_START_SECONDS = 120
"""How long a model may take to load before its container is restarted."""
_DRAIN_SECONDS = 30
"""How long a pod may take to finish what it is answering."""
_WRITABLE = "/tmp"  # noqa: S108  # the container's own, in memory-backed scratch space


class ModelNamespace(pulumi.ComponentResource):
    """The namespace that models share; Kubernetes itself refuses pods with privileges there.

    Args:
        name: Name of the namespace.
        is_monitored: Whether Prometheus asks the models in it.
        has_gateway: Whether clients come through the gateway, and nobody else is let in.
        opts: Must carry the provider of the cluster.
    """

    def __init__(self, name: str, *, is_monitored: bool, has_gateway: bool, opts: pulumi.ResourceOptions) -> None:
        """Make it."""
        super().__init__("slipway:models:ModelNamespace", name, {}, opts)
        self.namespace = Namespace(
            name,
            metadata={
                "name": name,
                "labels": {
                    "app.kubernetes.io/part-of": "slipway",
                    **restricted.ONLY,
                },
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = self.namespace.metadata["name"]
        if is_monitored:
            api_version, kind = POD_MONITOR
            CustomResource(
                name,
                api_version=api_version,
                kind=kind,
                metadata={"name": name, "namespace": name},
                spec=pod_monitor(),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.namespace]),
            )
        if has_gateway:
            NetworkPolicy(
                name,
                metadata={"name": "models", "namespace": self.name},
                spec=cast("NetworkPolicySpecArgsDict", network_policy(is_monitored=is_monitored)),
                opts=pulumi.ResourceOptions(parent=self),
            )
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
        if spec.max_unavailable:
            PodDisruptionBudget(
                name,
                metadata=metadata,
                spec={
                    "selector": {"match_labels": spec.selector},
                    "max_unavailable": _count_or_share(spec.max_unavailable),
                    # A pod that never became ready is no capacity, and must not block the node it is on.
                    "unhealthy_pod_eviction_policy": "AlwaysAllow",
                },
                opts=child,
            )
        if spec.scaled:
            self._scale(spec.scaled)
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
        if spec.route:
            declare(name, spec.route.manifests, pulumi.ResourceOptions(parent=self, depends_on=[self.service]))
        self.register_outputs({"address": self.address})

    def _scale(self, scaled: ScaledObjectSpec) -> None:
        api_version, kind = SCALED_OBJECT
        CustomResource(
            scaled.name,
            api_version=api_version,
            kind=kind,
            metadata={"name": scaled.name, "namespace": scaled.namespace},
            spec=scaled.spec,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.deployment]),
        )


def _deployment(spec: ModelSpec) -> DeploymentSpecArgsDict:
    deployment: DeploymentSpecArgsDict = {
        "selector": {"match_labels": spec.selector},
        # A new pod serves before an old one goes: capacity never dips below what was asked for.
        "strategy": {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}},
        "template": {
            "metadata": {"labels": spec.labels},
            "spec": _pod(spec),
        },
    }
    if spec.replicas is not None:
        deployment["replicas"] = spec.replicas
    return deployment


def _pod(spec: ModelSpec) -> PodSpecArgsDict:
    pod: PodSpecArgsDict = {
        "service_account_name": spec.name,
        "automount_service_account_token": False,
        "enable_service_links": False,
        "termination_grace_period_seconds": _DRAIN_SECONDS,
        "security_context": restricted.pod(spec.user),
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
        "security_context": restricted.CONTAINER,
        "startup_probe": _probe("/livez", period_seconds=1, failure_threshold=_START_SECONDS),
        "liveness_probe": _probe("/livez", period_seconds=10, failure_threshold=3),
        "readiness_probe": _probe("/readyz", period_seconds=2, failure_threshold=3),
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
        # A replica that has too much to do answers late; taken out for that, it would leave its load to the others. One
        # that hangs is left alone by the gateway long before.
        "timeout_seconds": 5,
        "period_seconds": period_seconds,
        "failure_threshold": failure_threshold,
    }
