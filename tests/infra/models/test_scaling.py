"""From `scaling` to what KEDA is told."""

import re
from typing import Any

import pytest
from slipway_kit.metrics import Metrics

from infra.addons import table
from infra.models.monitoring import pod_monitor
from infra.models.planning import plan
from infra.models.scaling import PROMETHEUS, scaled
from infra.settings import Settings
from infra.settings.scaling import Scaling

DIGEST = f"somewhere/digits@sha256:{'a' * 64}"
WINDOW = {"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "timezone": "Europe/Berlin", "min": 3}


def spec(**scaling: Any) -> dict[str, Any]:
    given = {key.replace("_", "-"): value for key, value in scaling.items()}
    return scaled("digits", "models", Scaling.model_validate({"max": 9, **given})).spec


def test_what_is_in_hand_is_a_total_that_is_divided_by_the_replicas() -> None:
    (trigger,) = spec(in_flight=8)["triggers"]
    assert trigger["metricType"] == "AverageValue"
    assert trigger["metadata"]["threshold"] == "8"
    assert trigger["metadata"]["query"].startswith("sum(rate(slipway_request_duration_seconds_sum{")


def test_a_wait_is_what_one_replica_sees() -> None:
    (trigger,) = spec(queue_wait=50)["triggers"]
    assert trigger["metricType"] == "Value"
    assert trigger["metadata"]["query"].startswith("1000 * (sum(rate(slipway_queue_wait_seconds_sum{")


def test_what_is_asked_for_is_what_the_kit_tells() -> None:
    metrics = Metrics(objective=0.1, max_batch=8)
    told = {sample.name for metric in metrics.collect() for sample in metric.samples}
    asked = {
        name
        for trigger in spec(in_flight=8, queue_wait=50)["triggers"]
        for name in re.findall(r"slipway_\w+", trigger["metadata"]["query"])
    }
    assert asked
    assert asked <= told


def test_the_series_of_a_model_are_found_by_the_label_that_prometheus_gives_them() -> None:
    (endpoint,) = pod_monitor()["podMetricsEndpoints"]
    (relabeling,) = endpoint["relabelings"]
    (trigger,) = spec(in_flight=8)["triggers"]
    assert f'{relabeling["targetLabel"]}="digits"' in trigger["metadata"]["query"]
    assert relabeling["sourceLabels"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_name"]


def test_what_is_absent_is_no_zero() -> None:
    assert {each["metadata"]["ignoreNullValues"] for each in spec(in_flight=8, queue_wait=50)["triggers"]} == {"false"}


def test_a_window_raises_the_floor() -> None:
    (trigger,) = spec(schedule=[WINDOW])["triggers"]
    assert trigger == {
        "type": "cron",
        "metadata": {
            "timezone": "Europe/Berlin",
            "start": "0 8 * * 1-5",
            "end": "0 18 * * 1-5",
            "desiredReplicas": "3",
        },
    }


def test_without_metrics_there_are_as_many_as_before_unless_a_number_is_given() -> None:
    assert spec(min=2, in_flight=8)["fallback"] == {
        "failureThreshold": 3,
        "replicas": 2,
        "behavior": "currentReplicasIfHigher",
    }
    assert spec(in_flight=8, without_metrics=5)["fallback"]["replicas"] == 5
    assert spec(in_flight=8, without_metrics=5)["fallback"]["behavior"] == "static"


def test_a_processor_that_is_measured_by_the_kubelet_needs_no_fallback() -> None:
    found = spec(cpu="70%")
    assert "fallback" not in found
    assert found["triggers"] == [{"type": "cpu", "metricType": "Utilization", "metadata": {"value": "70"}}]


def test_it_goes_up_at_once_and_down_slowly() -> None:
    behavior = spec(in_flight=8, cooldown=120)["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 120


@pytest.mark.parametrize("is_scaled", [False, True])
def test_replicas_are_stated_where_nothing_scales_them(is_scaled: bool) -> None:  # noqa: FBT001
    model: dict[str, Any] = {"image": DIGEST, "resources": {"cpu": "1", "memory": "1Gi"}}
    model |= {"scaling": {"max": 4, "in-flight": 8}} if is_scaled else {"replicas": 2}
    stack = {"slipway:cluster": {"context": "x"}, "slipway:models": {"digits": model}}
    (found,) = plan(Settings.model_validate(stack), {})
    assert found.replicas == (None if is_scaled else 2)
    assert (found.scaled is not None) == is_scaled


def test_prometheus_is_asked_where_it_is() -> None:
    assert f"http://prometheus-operated.{table.PROMETHEUS.namespace}.svc:9090" == PROMETHEUS
