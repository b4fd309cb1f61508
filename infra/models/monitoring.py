"""Metrics of models: which pods Prometheus asks, and what their series are called after. Pure."""

from typing import Any

from infra.models.planning import NAME_LABEL
from infra.models.scaling import MODEL_LABEL
from infra.traffic import MODEL_PODS

POD_MONITOR = ("monitoring.coreos.com/v1", "PodMonitor")
"""API version and kind."""


def pod_monitor() -> dict[str, Any]:
    """The spec of one PodMonitor for all models of a namespace, asked often enough to scale by."""
    label = "__meta_kubernetes_pod_label_" + NAME_LABEL.replace(".", "_").replace("/", "_")
    return {
        "selector": {"matchLabels": MODEL_PODS},
        "podMetricsEndpoints": [
            {
                "port": "http",
                "interval": "5s",
                "scrapeTimeout": "4s",
                "relabelings": [{"sourceLabels": [label], "targetLabel": MODEL_LABEL}],
            }
        ],
    }
