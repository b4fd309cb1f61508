"""From a model's `scaling` to the ScaledObject that KEDA keeps. Pure.

Two kinds of numbers decide, and each is inert, or runs away, when it is taken for the other: for `AverageValue` the
query gives a total of all replicas, which the autoscaler divides by the target; for `Value` it gives what one replica
sees, and the number of replicas is changed in proportion to it.
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.models.routing import cluster_pattern
from infra.settings.scaling import Scaling, Window
from infra.traffic import GATEWAY_NAMESPACE

SCALED_OBJECT = ("keda.sh/v1alpha1", "ScaledObject")
"""API version and kind."""
PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"
"""Where metrics are asked for (the Service that prometheus-operator makes)."""
MODEL_LABEL = "model"
"""What a model's series carry its name in (infra/models/monitoring.py)."""
_OVER = "15s"
"""What is in hand swings from one moment to the next; three scrapes are looked at together."""
_NO_MEASURE = 1_000_000
"""Requests for a second replica: that somebody asks wakes a model, and how many do is told by itself."""
_FAILURES = 3
"""In a row, after which metrics are taken to be gone; the autoscaler asks every 15 s."""
_WAKING_SECONDS = 5
"""Between two looks at whether somebody asks for a model of which nothing runs."""
_ATTEMPTS = ("total", "pending_total")
_UP: dict[str, Any] = {
    # Fast: whatever is missing is missing now. Twice as many, or four more, whichever is more.
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Percent", "value": 100, "periodSeconds": 15},
        {"type": "Pods", "value": 4, "periodSeconds": 15},
    ],
}


@dataclass(frozen=True, kw_only=True)
class ScaledObjectSpec:
    """What scales one model.

    Attributes:
        name: The model's, and of its Deployment.
        namespace: Where it is.
        spec: Of the ScaledObject, as the API has it.
    """

    name: str
    namespace: str
    spec: dict[str, Any]


def scaled(name: str, namespace: str, scaling: Scaling) -> ScaledObjectSpec:
    """What scales a model.

    Args:
        name: The model's.
        namespace: Where it is.
        scaling: Of its entry.
    """
    spec: dict[str, Any] = {
        "scaleTargetRef": {"name": name},
        "minReplicaCount": scaling.min,
        "maxReplicaCount": scaling.max,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": _UP, "scaleDown": _down(scaling)}}},
        "triggers": list(_triggers(name, namespace, scaling)),
    }
    if scaling.min == 0:
        spec |= {"pollingInterval": _WAKING_SECONDS, "cooldownPeriod": scaling.cooldown}
    if scaling.in_flight or scaling.queue_wait:
        spec["fallback"] = {
            "failureThreshold": _FAILURES,
            "replicas": scaling.without_metrics or max(scaling.min, 1),
            # Without a number of its own: never fewer than there were when the metrics went.
            "behavior": "static" if scaling.without_metrics else "currentReplicasIfHigher",
        }
    return ScaledObjectSpec(name=name, namespace=namespace, spec=spec)


def _down(scaling: Scaling) -> dict[str, Any]:
    """Slow: the highest number of the window counts, and a fourth goes in a minute, or one."""
    return {
        "stabilizationWindowSeconds": scaling.cooldown,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Percent", "value": 25, "periodSeconds": 60},
            {"type": "Pods", "value": 1, "periodSeconds": 60},
        ],
    }


def _triggers(name: str, namespace: str, scaling: Scaling) -> Iterator[dict[str, Any]]:
    of = f'{{namespace="{namespace}",{MODEL_LABEL}="{name}"}}'
    # A model of which nothing runs says nothing, and that is no fault.
    or_none = " or vector(0)" if scaling.min == 0 else ""
    # Probes take their time as requests do: what is measured says how many replicas, and not whether there are any.
    awake = {"activationThreshold": str(_NO_MEASURE)} if scaling.min == 0 else {}
    if scaling.min == 0:
        yield _prometheus("asked", _asked(name, namespace), _NO_MEASURE, "AverageValue")
    if scaling.in_flight:
        # Little's law: seconds spent in a second are the requests in hand, whichever moments are looked at.
        total = f"sum(rate(slipway_request_duration_seconds_sum{of}[{_OVER}])){or_none}"
        yield _prometheus("in-flight", total, scaling.in_flight, "AverageValue", **awake)
        if scaling.forecast:
            yield _prometheus("forecast", f"sum({scaling.forecast}{of}){or_none}", scaling.in_flight, "AverageValue")
    if scaling.queue_wait:
        seconds, items = (f"sum(rate(slipway_queue_wait_seconds_{part}{of}[{_OVER}]))" for part in ("sum", "count"))
        each = f"1000 * ({seconds} / ({items} > 0) or 0 * {items}){or_none}"
        yield _prometheus("queue-wait", each, scaling.queue_wait, "Value", **awake)
    if scaling.cpu:
        yield {"type": "cpu", "metricType": "Utilization", "metadata": {"value": scaling.cpu[:-1]}}
    for window in scaling.schedule:
        yield _cron(window)


def _asked(name: str, namespace: str) -> str:
    """Attempts of the gateway to reach a model in the last 30 seconds, those that found nothing included.

    Envoy tells a counter once it is not 0 any more, and forgets those of a model that fell asleep: what was not there
    before counts whole, and what went takes nothing away. While the Envoys answer Prometheus, what is absent is 0;
    while they do not, nobody knows, and the model stays as it is.
    """
    clusters = cluster_pattern(name, namespace)
    none = f'0 * sum(up{{namespace="{GATEWAY_NAMESPACE}"}} == 1)'
    # One counts what found a connection, the other what waited for one.
    counters = (f'envoy_cluster_upstream_rq_{each}{{envoy_cluster_name=~"{clusters}"}}' for each in _ATTEMPTS)
    return " + ".join(
        f"(sum(({counter} unless {counter} offset 30s) or increase({counter}[30s])) or {none})" for counter in counters
    )


def _prometheus(name: str, query: str, threshold: int, metric_type: str, **more: str) -> dict[str, Any]:
    return {
        "type": "prometheus",
        "name": name,
        "metricType": metric_type,
        "metadata": {
            "serverAddress": PROMETHEUS,
            "query": query,
            "threshold": str(threshold),
            # What is not there is a fault, which `fallback` answers; as a zero it would take all replicas away.
            "ignoreNullValues": "false",
            **more,
        },
    }


def _cron(window: Window) -> dict[str, Any]:
    return {
        "type": "cron",
        "metadata": {
            "timezone": window.timezone,
            "start": window.start,
            "end": window.end,
            "desiredReplicas": str(window.min),
        },
    }
