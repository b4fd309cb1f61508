"""Prometheus: what models are scaled by. It is declared here, and kept by prometheus-operator.

https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.Prometheus
"""

from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding

from infra.addons.values import SYSTEM, UNBOUGHT
from infra.declared import LABELS

NAME = "prometheus"
VERSION = "v3.12.0"
"""Of Prometheus itself; the operator's own default follows its releases."""
_ROLE = "slipway-prometheus"


def declared() -> dict[str, Any]:
    """The spec of the Prometheus object: it asks whatever a PodMonitor or ServiceMonitor names, in any namespace."""
    return {
        "version": VERSION,
        "replicas": 1,
        # What scales models looks at seconds; what is kept for longer belongs elsewhere.
        "retention": "1d",
        "scrapeInterval": "15s",
        "serviceAccountName": NAME,
        "podMonitorSelector": {},
        "podMonitorNamespaceSelector": {},
        "serviceMonitorSelector": {},
        "serviceMonitorNamespaceSelector": {},
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "tolerations": SYSTEM,
        "affinity": UNBOUGHT,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "fsGroup": 65534},
    }


class Prometheus(pulumi.ComponentResource):
    """One Prometheus, with the right to find what it asks.

    Args:
        name: Its name.
        namespace: Where it runs.
        opts: Must carry the provider of the cluster, and depend on prometheus-operator.
    """

    def __init__(self, name: str, *, namespace: str, opts: pulumi.ResourceOptions) -> None:
        """Declare it."""
        super().__init__("slipway:addons:Prometheus", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        here: ObjectMetaArgsDict = {"name": NAME, "namespace": namespace, "labels": LABELS}
        account = ServiceAccount(NAME, metadata=here, opts=child)
        role = ClusterRole(
            _ROLE,
            metadata={"name": _ROLE, "labels": LABELS},
            rules=[
                {"api_groups": [""], "resources": ["services", "endpoints", "pods"], "verbs": ["get", "list", "watch"]},
                {
                    "api_groups": ["discovery.k8s.io"],
                    "resources": ["endpointslices"],
                    "verbs": ["get", "list", "watch"],
                },
            ],
            opts=child,
        )
        binding = ClusterRoleBinding(
            _ROLE,
            metadata={"name": _ROLE, "labels": LABELS},
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _ROLE},
            subjects=[{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role, account]),
        )
        CustomResource(
            NAME,
            api_version="monitoring.coreos.com/v1",
            kind="Prometheus",
            metadata=here,
            spec=declared(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[binding]),
        )
        self.register_outputs({})
