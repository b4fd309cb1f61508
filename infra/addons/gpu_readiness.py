"""GpuReadiness: takes the startup taint off a node once kubelet knows its GPUs.

NVIDIA's device plugin takes no taint away (https://github.com/NVIDIA/k8s-device-plugin/issues/1746), and Karpenter only
waits for somebody to. Two calls of kubectl do, on each node with GPUs.
"""

from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import DaemonSet
from pulumi_kubernetes.core.v1 import ServiceAccount
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding

from infra import restricted
from infra.capacity.names import GPU_PRESENT, GPU_STARTUP

_KUBECTL = "registry.k8s.io/kubectl:v1.34.4"
_PAUSE = "registry.k8s.io/pause:3.10.1"
_NAMESPACE = "kube-system"
_WAIT = "15m"
_RESOURCES = {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
_SECURITY = {**restricted.CONTAINER, "run_as_non_root": True, "run_as_user": 65532}


class GpuReadiness(pulumi.ComponentResource):
    """The account, its rights, and the pod on each node with GPUs.

    Args:
        name: Name of all of them.
        opts: Must carry the provider of the cluster.
    """

    def __init__(self, name: str, *, opts: pulumi.ResourceOptions) -> None:
        """Make them."""
        super().__init__("slipway:addons:GpuReadiness", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "slipway"}
        ServiceAccount(name, metadata={"name": name, "namespace": _NAMESPACE, "labels": labels}, opts=child)
        role = ClusterRole(
            name,
            metadata={"name": name, "labels": labels},
            rules=[{"api_groups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch", "patch"]}],
            opts=child,
        )
        binding = ClusterRoleBinding(
            name,
            metadata={"name": name, "labels": labels},
            role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": name, "namespace": _NAMESPACE}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        DaemonSet(
            name,
            metadata={"name": name, "namespace": _NAMESPACE, "labels": labels},
            spec={
                "selector": {"match_labels": {"app.kubernetes.io/name": name}},
                "template": {"metadata": {"labels": labels}, "spec": pod(name)},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[binding]),
        )
        self.register_outputs({})


def pod(account: str) -> Any:
    """What runs on each node: wait for its GPUs, take the taint off, then nothing."""
    resource = GPU_STARTUP.removesuffix("-not-ready").replace(".", r"\.")
    taint = f"{GPU_STARTUP}=true:NoSchedule"
    return {
        "service_account_name": account,
        "node_selector": {GPU_PRESENT: "true"},
        "tolerations": [{"operator": "Exists"}],
        "priority_class_name": "system-node-critical",
        "init_containers": [
            _kubectl(
                "wait", f"--for=jsonpath={{.status.allocatable.{resource}}}", f"--timeout={_WAIT}", "node/$(NODE)"
            ),
            # kubectl fails to take off what is not there, as after a restart of this pod: so it is there first.
            _kubectl("taint", "node", "$(NODE)", taint, "--overwrite", name="mark"),
            _kubectl("taint", "node", "$(NODE)", f"{GPU_STARTUP}:NoSchedule-", name="release"),
        ],
        "containers": [{"name": "done", "image": _PAUSE, "resources": _RESOURCES, "security_context": _SECURITY}],
    }


def _kubectl(*arguments: str, name: str = "") -> dict[str, Any]:
    return {
        "name": name or arguments[0],
        "image": _KUBECTL,
        "args": list(arguments),
        "env": [{"name": "NODE", "value_from": {"field_ref": {"field_path": "spec.nodeName"}}}],
        "resources": _RESOURCES,
        "security_context": _SECURITY,
    }
