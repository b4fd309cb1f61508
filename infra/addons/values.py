"""The values of every chart, from what the stack is. Pure: what is only known once AWS has answered is passed through.

Each key is one of the chart's own values.yaml at the pinned version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.addons.table import KARPENTER, LOAD_BALANCERS
from infra.capacity.names import GPU_PRESENT

DESCHEDULING_INTERVAL = "30s"
"""How often ratios are looked at. `consolidateAfter` of serving is six times that: docs/capacity/mix.md."""
SYSTEM = [{"key": "CriticalAddonsOnly", "operator": "Exists"}]
"""What a pod on the system nodes tolerates."""
UNBOUGHT: dict[str, Any] = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "karpenter.sh/nodepool", "operator": "DoesNotExist"}]}]
        }
    }
}
"""What keeps a pod off nodes that are bought for models, and go again."""
_EVERYWHERE = [{"operator": "Exists"}]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What charts are told of the cluster that they are in. Each may be known only later.

    Attributes:
        cluster: Its name.
        region: Where it is.
        vpc: Id of its network.
        queue: Name of the queue that EC2's interruption warnings come to.
        endpoint: Its API's address; None where Karpenter is to ask EKS for it.
        tags: Of what controllers make in AWS.
    """

    cluster: Any
    region: Any
    vpc: Any
    queue: Any
    endpoint: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)


def karpenter(around: Surroundings, *, spot_to_spot: bool) -> dict[str, Any]:
    """Of karpenter (https://github.com/aws/karpenter-provider-aws/blob/v1.14.0/charts/karpenter/values.yaml).

    Args:
        around: The cluster.
        spot_to_spot: Whether spot nodes are replaced by cheaper spot, where there are 15 types to choose from.
    """
    return {
        "replicas": 2,
        "serviceAccount": {"name": KARPENTER.account},
        "settings": {
            "clusterName": around.cluster,
            **({} if around.endpoint is None else {"clusterEndpoint": around.endpoint}),
            # Without it, interruptions are not handled at all.
            "interruptionQueue": around.queue,
            "eksControlPlane": True,
            "featureGates": {"spotToSpotConsolidation": spot_to_spot, "reservedCapacity": True},
        },
        "controller": {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}},
        "tolerations": SYSTEM,
        "podDisruptionBudget": {"name": KARPENTER.name, "maxUnavailable": 1},
    }


def load_balancers(around: Surroundings) -> dict[str, Any]:
    """Of aws-load-balancer-controller (https://github.com/aws/eks-charts/tree/master/stable)."""
    return {
        "replicaCount": 2,
        "clusterName": around.cluster,
        "region": around.region,
        # Not from the metadata service: pods do not reach it.
        "vpcId": around.vpc,
        "serviceAccount": {"create": True, "name": LOAD_BALANCERS.account},
        "defaultTags": dict(around.tags),
        # It would make itself the owner of every Service of type LoadBalancer, and block them all while it is away.
        "enableServiceMutatorWebhook": False,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "priorityClassName": "system-cluster-critical",
        "podDisruptionBudget": {"maxUnavailable": 1},
        "tolerations": SYSTEM,
    }


def nvidia() -> dict[str, Any]:
    """Of nvidia-device-plugin (https://github.com/NVIDIA/k8s-device-plugin/tree/v0.20.0/deployments/helm)."""
    return {
        # The chart's own affinity asks for labels of node feature discovery; the pools label their nodes themselves.
        "affinity": None,
        "nodeSelector": {GPU_PRESENT: "true"},
        "tolerations": _EVERYWHERE,
        "gfd": {"enabled": False},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
    }


def descheduler() -> dict[str, Any]:
    """Of descheduler (https://github.com/kubernetes-sigs/descheduler/blob/v0.35.1/charts/descheduler/values.yaml).

    It does one thing: where a scale-down has tilted a ratio, it evicts the pods that are too many in a part; the
    scheduler puts their successors where they are too few.
    """
    protection = {
        # Models have scratch space (emptyDir); protected by default, they would never be moved.
        "defaultDisabled": ["PodsWithLocalStorage"],
    }
    return {
        "kind": "Deployment",
        "deschedulingInterval": DESCHEDULING_INTERVAL,
        "replicas": 2,
        "leaderElection": {"enabled": True},
        "deschedulerPolicy": {
            # A disturbed ratio is mended in steps, so that a model is never short of many pods at once.
            "maxNoOfPodsToEvictPerNamespace": 20,
            "profiles": [
                {
                    "name": "ratios",
                    "pluginConfig": [
                        {"name": "DefaultEvictor", "args": {"podProtections": protection}},
                        {
                            "name": "RemovePodsViolatingTopologySpreadConstraint",
                            "args": {"constraints": ["DoNotSchedule"]},
                        },
                    ],
                    "plugins": {"balance": {"enabled": ["RemovePodsViolatingTopologySpreadConstraint"]}},
                }
            ],
        },
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "tolerations": SYSTEM,
    }


def keda() -> dict[str, Any]:
    """Of keda (https://github.com/kedacore/charts/tree/main/keda)."""
    return {
        "resources": {
            "operator": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
            "metricServer": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            "webhooks": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        },
        "tolerations": SYSTEM,
    }


def prometheus_operator() -> dict[str, Any]:
    """Of kube-prometheus-stack: the operator, and none of what else it can install.

    https://github.com/prometheus-community/helm-charts/tree/main/charts/kube-prometheus-stack
    """
    others = (
        "alertmanager",
        "coreDns",
        "grafana",
        "kubeApiServer",
        "kubeControllerManager",
        "kubeEtcd",
        "kubeProxy",
        "kubeScheduler",
        "kubeStateMetrics",
        "kubelet",
        "nodeExporter",
        "prometheus",
    )
    return {
        **{part: {"enabled": False} for part in others},
        "defaultRules": {"create": False},
        "prometheusOperator": {
            # Both would need a certificate that a hook makes; what the program writes is checked by the CRDs.
            "admissionWebhooks": {"enabled": False},
            "tls": {"enabled": False},
            # Nobody asks kubelets, and the operator's Service of them would outlive it.
            "kubeletService": {"enabled": False},
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            "tolerations": SYSTEM,
        },
    }


def metrics_server() -> dict[str, Any]:
    """Of metrics-server (https://github.com/kubernetes-sigs/metrics-server/blob/v0.9.0/charts/metrics-server)."""
    return {"resources": {"requests": {"cpu": "50m", "memory": "64Mi"}}}


def envoy_gateway() -> dict[str, Any]:
    """Of gateway-helm (https://github.com/envoyproxy/gateway/tree/v1.9.1/charts/gateway-helm)."""
    return {
        "deployment": {
            "replicas": 2,
            "envoyGateway": {
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
            },
            "pod": {"tolerations": SYSTEM},
        },
        "podDisruptionBudget": {"minAvailable": 1},
        "certgen": {"job": {"tolerations": SYSTEM}},
        # It marks every pod of Envoy with its zone, and no route here prefers one.
        "topologyInjector": {"enabled": False},
        # A backend that is none is how the first request to a sleeping model is counted (infra/models/routing.py).
        "config": {"envoyGateway": {"extensionApis": {"enableBackend": True}}},
    }
