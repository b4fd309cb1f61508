"""The cache that models share: one Valkey, which keeps nothing on disk and speaks to models alone.

Its project's chart would bring storage, users and replication, none of which a cache needs: it may be empty at any
moment (docs/decisions/0008).
https://valkey.io/topics/lru-cache/
"""

from typing import Any, cast

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict
from pulumi_kubernetes.core.v1 import AffinityArgsDict, ContainerArgsDict, Namespace, Service, TolerationArgsDict
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
from pulumi_kubernetes.networking.v1 import NetworkPolicy, NetworkPolicySpecArgsDict

from infra import restricted
from infra.addons.values import SYSTEM, UNBOUGHT
from infra.caching import CACHE, CACHE_NAMESPACE, CACHE_PORT
from infra.declared import LABELS
from infra.settings.cache import SharedCache
from infra.settings.quantities import bytes_of
from infra.traffic import MODEL_PODS, pods_of

IMAGE = "docker.io/valkey/valkey:9.1.2"
"""The newest in November 2026; BSD-3-Clause."""
PROGRAM = "/usr/local/bin/valkey-server"
"""In it."""
_SHARE = 0.7
"""Of its memory that answers take; the rest is for connections, and for what freeing leaves in pieces."""
_USER = 999
"""As in its image."""
_PODS = {"app.kubernetes.io/name": CACHE}


class ModelCache(pulumi.ComponentResource):
    """Valkey with its address, in a namespace of its own.

    Args:
        name: Its name.
        settings: slipway:cache.
        models: The namespace of those who may ask it.
        opts: Must carry the provider of the cluster.
    """

    def __init__(self, name: str, *, settings: SharedCache, models: str, opts: pulumi.ResourceOptions) -> None:
        """Declare it."""
        super().__init__("slipway:addons:ModelCache", name, {}, opts)
        labels = {**LABELS, **_PODS}
        named: ObjectMetaArgsDict = {"name": CACHE, "namespace": CACHE_NAMESPACE, "labels": labels}
        space = Namespace(
            name,
            metadata={"name": CACHE_NAMESPACE, "labels": {**LABELS, **restricted.ONLY}},
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Nobody else reaches it from the first moment on: it asks for no password.
        closed = NetworkPolicy(
            name,
            metadata=named,
            spec=cast("NetworkPolicySpecArgsDict", network_policy(models)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[space]),
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[closed])
        Deployment(name, metadata=named, spec=deployment(settings, labels), opts=after)
        Service(
            name,
            metadata=named,
            spec={"selector": _PODS, "ports": [{"name": "redis", "port": CACHE_PORT, "target_port": "redis"}]},
            opts=after,
        )
        self.register_outputs({})


def network_policy(models: str) -> dict[str, Any]:
    """The spec of its NetworkPolicy: models come in, and it speaks to nobody of its own accord."""
    return {
        "podSelector": {"matchLabels": _PODS},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [pods_of(models, MODEL_PODS)], "ports": [{"port": "redis", "protocol": "TCP"}]}],
        "egress": [],
    }


def deployment(settings: SharedCache, labels: dict[str, str]) -> DeploymentSpecArgsDict:
    """The spec of its Deployment."""
    return {
        "replicas": 1,
        # Two at once would each have a part of the answers.
        "strategy": {"type": "Recreate"},
        "selector": {"match_labels": _PODS},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "automount_service_account_token": False,
                "enable_service_links": False,
                "termination_grace_period_seconds": 5,
                "tolerations": cast("list[TolerationArgsDict]", SYSTEM),
                "affinity": cast("AffinityArgsDict", UNBOUGHT),
                "security_context": restricted.pod(_USER),
                "containers": [container(settings)],
            },
        },
    }


def container(settings: SharedCache) -> ContainerArgsDict:
    """Its one container."""
    return {
        "name": "valkey",
        "image": IMAGE,
        "image_pull_policy": "IfNotPresent",
        "command": [PROGRAM],
        "args": arguments(settings),
        "ports": [{"name": "redis", "container_port": CACHE_PORT}],
        "readiness_probe": {"tcp_socket": {"port": "redis"}, "period_seconds": 5},
        "liveness_probe": {
            "tcp_socket": {"port": "redis"},
            "period_seconds": 10,
            "timeout_seconds": 5,
            "failure_threshold": 6,
        },
        "resources": {
            "requests": {"cpu": "100m", "memory": settings.memory},
            "limits": {"memory": settings.memory},
        },
        "security_context": restricted.CONTAINER,
    }


def arguments(settings: SharedCache) -> list[str]:
    """What the program is told."""
    told = {
        # Whom it may hear from is the NetworkPolicy's matter.
        "bind": "* -::*",
        "protected-mode": "no",
        "save": "",
        "appendonly": "no",
        "maxmemory": str(int(bytes_of(settings.memory) * _SHARE)),
        "maxmemory-policy": "allkeys-lru",
    }
    return [word for key, value in told.items() for word in (f"--{key}", value)]
