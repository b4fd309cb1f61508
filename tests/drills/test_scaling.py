"""A model whose replicas follow what is asked of it: KEDA, Prometheus and metrics-server as they are in production.

The tests follow each other on one stack, as long as nothing fails.
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.autoscaling_v2 import HorizontalPodAutoscaler
from lightkube.types import PatchType

from tests.drills.figures import figure
from tests.drills.gate import Gate
from tests.drills.rehearsal import Rehearsal
from tests.drills.report import keep
from tests.live import until

pytestmark = pytest.mark.drill

SCALED_OBJECT = create_namespaced_resource("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
PROMETHEUS = create_namespaced_resource("monitoring.coreos.com", "v1", "Prometheus", "prometheuses")
API_SERVICE = create_global_resource("apiregistration.k8s.io", "v1", "APIService", "apiservices")
MODEL, NAMESPACE = "digits", "models"
MOST = 3
COOLDOWN = 60
CALM = 300.0
"""Requests per second; five times as many are too much for one replica, and not for three."""
PEAK_SECONDS = 180.0
SETTLED = 30.0
OBJECTIVE = 0.5
COLD_START = 15.0
"""Seconds that waking takes besides the model's own start: docs/serving/scaling.md says so."""


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """`local` with a model that scales."""
    made = Rehearsal.of("local", tmp_path_factory.mktemp("scaling"))
    with made.changed() as config:
        model = config["slipway:models"][MODEL]
        del model["replicas"]
        model["resources"] = {"cpu": "150m", "memory": "256Mi"}
        model["scaling"] = {
            "min": 1,
            "max": MOST,
            "in-flight": 2,
            "queue-wait": 100,
            "cpu": "80%",
            "cooldown": COOLDOWN,
        }
    with made.running():
        yield made


def replicas(rehearsal: Rehearsal) -> tuple[int, int]:
    """Wanted, and ready."""
    found = rehearsal.kubernetes.get(Deployment, MODEL, namespace=NAMESPACE)
    assert found.spec is not None
    assert found.status is not None
    return found.spec.replicas or 0, found.status.readyReplicas or 0


def conditions(rehearsal: Rehearsal) -> dict[str, str]:
    found = rehearsal.kubernetes.get(SCALED_OBJECT, MODEL, namespace=NAMESPACE)
    return {each["type"]: each["status"] for each in (found.get("status") or {}).get("conditions", [])}


def turns(history: list[int]) -> int:
    """How often a number that rose or fell went the other way."""
    steps = [after - before for before, after in itertools.pairwise(history) if after != before]
    return sum((before > 0) != (after > 0) for before, after in itertools.pairwise(steps))


@pytest.fixture(scope="module")
def gate(rehearsal: Rehearsal) -> Gate:
    """The model as clients see it."""
    return Gate(rehearsal, MODEL, objective=OBJECTIVE)


def test_the_api_services_behind_the_autoscaler_are_there(rehearsal: Rehearsal) -> None:
    def available(name: str) -> bool:
        found = rehearsal.kubernetes.get(API_SERVICE, name)
        return any(each["type"] == "Available" and each["status"] == "True" for each in found["status"]["conditions"])

    names = ("v1beta1.external.metrics.k8s.io", "v1beta1.metrics.k8s.io")
    until(lambda: all(available(name) for name in names), f"{names} to be available")


def test_every_trigger_has_its_metric(rehearsal: Rehearsal) -> None:
    def measured() -> list[Any]:
        found = rehearsal.kubernetes.get(HorizontalPodAutoscaler, f"keda-hpa-{MODEL}", namespace=NAMESPACE)
        return [each for each in (found.status.currentMetrics or []) if each.type] if found.status else []

    until(lambda: len(measured()) == 3, f"three metrics, not {measured()}", 120)
    until(lambda: conditions(rehearsal).get("Ready") == "True", "the ScaledObject to be Ready")
    until(lambda: conditions(rehearsal).get("Fallback") == "False", "metrics to be there", 120)


def test_replicas_follow_the_load_up_and_down_without_swinging(rehearsal: Rehearsal, gate: Gate) -> None:
    history: list[int] = []

    def wanted() -> int:
        history.append(replicas(rehearsal)[0])
        return history[-1]

    assert wanted() == 1
    with gate.asked((CALM, 20), (5 * CALM, PEAK_SECONDS), (CALM, 20)) as load:
        begun = monotonic()
        until(lambda: wanted() == replicas(rehearsal)[1] == MOST, "all replicas", 20 + PEAK_SECONDS)
        ready = monotonic() - begun
        figure(f"from five times the load to {MOST} ready replicas", ready - 20)
        preview = rehearsal.run("preview", "--expect-no-changes")  # whoever scales is not undone
        assert preview.steps() == []
        while not load.running.done():
            wanted()
            sleep(1)
    results = load.results()
    keep(load.episode("a step to five times the load, and back"))
    assert not (results.status >= 500).any()
    calm, late = results.schedule.within(5, 20), results.schedule.within(ready + SETTLED, 20 + PEAK_SECONDS)
    good = results.good(OBJECTIVE)
    for name, chosen in (("before the step", calm), ("30 s after all replicas were ready", late)):
        assert chosen.sum() > 100
        figure(f"p99 {name}", f"{1000 * float(np.quantile(results.latency[chosen], 0.99)):.0f} ms")
        figure(f"in time {name}", f"{good[chosen].mean():.2%}")
    assert good[late].mean() >= 0.99
    begun = monotonic()
    until(lambda: wanted() == 1, "one replica", 60 * MOST + COOLDOWN + 120)
    figure("from the end of the load to one replica", monotonic() - begun)
    assert turns(history) == 1, history


def test_one_replica_would_not_have_been_enough(rehearsal: Rehearsal, gate: Gate) -> None:
    def paused(value: str | None) -> None:
        found = {"metadata": {"annotations": {"autoscaling.keda.sh/paused-replicas": value}}}
        rehearsal.kubernetes.patch(SCALED_OBJECT, MODEL, found, namespace=NAMESPACE, patch_type=PatchType.MERGE)

    paused("1")
    try:
        until(lambda: replicas(rehearsal) == (1, 1), "one replica alone")
        with gate.asked((5 * CALM, 30)) as load:
            results = load.results()
        keep(load.episode("the same load without scaling"))
    finally:
        paused(None)
    good = results.good(OBJECTIVE)[results.schedule.within(5, 30)].mean()
    figure("in time with one replica under five times the load", f"{good:.2%}")
    assert good < 0.99


def test_without_metrics_the_replicas_stay_and_follow_again_afterwards(rehearsal: Rehearsal, gate: Gate) -> None:
    def prometheus(number: int) -> None:
        found = {"spec": {"replicas": number}}
        rehearsal.kubernetes.patch(PROMETHEUS, "prometheus", found, namespace="monitoring", patch_type=PatchType.MERGE)

    with gate.asked((5 * CALM, PEAK_SECONDS)) as load:
        until(lambda: replicas(rehearsal)[1] == MOST, "all replicas", PEAK_SECONDS)
        prometheus(0)
        load.event("Prometheus is gone")
        until(lambda: conditions(rehearsal).get("Fallback") == "True", "the fallback", 180)
        load.event("the fallback holds")
    for _ in range(COOLDOWN + 60):
        assert replicas(rehearsal)[0] == MOST
        sleep(1)
    prometheus(1)
    until(lambda: conditions(rehearsal).get("Fallback") == "False", "metrics again", 180)
    until(lambda: replicas(rehearsal)[0] == 1, "one replica", 60 * MOST + COOLDOWN + 120)


def test_a_window_raises_the_floor_while_it_lasts(rehearsal: Rehearsal) -> None:
    start = datetime.now(UTC) + timedelta(minutes=2)
    end = start + timedelta(minutes=2)
    cron = [f"{each.minute} {each.hour} * * *" for each in (start, end)]
    with rehearsal.changed() as config:
        window = {"start": cron[0], "end": cron[1], "timezone": "UTC", "min": 2}
        config["slipway:models"][MODEL]["scaling"]["schedule"] = [window]
    run = rehearsal.run("up", "--yes", "--skip-preview")
    assert run.by_step() == {"update": {MODEL}}, run.steps()
    assert replicas(rehearsal)[0] == 1
    until(lambda: replicas(rehearsal)[1] == 2, "two replicas in the window", 240)
    late = (datetime.now(UTC) - start.replace(second=0, microsecond=0)).total_seconds()
    figure("from a window's start to its replicas, ready", late)
    until(lambda: replicas(rehearsal)[0] == 1, "one replica after it", 120 + COOLDOWN + 180)


def test_a_model_that_sleeps_is_woken_by_the_first_request(rehearsal: Rehearsal, gate: Gate) -> None:
    with rehearsal.changed() as config:
        config["slipway:models"][MODEL]["scaling"] |= {"min": 0, "cooldown": 30}
        config["slipway:models"][MODEL]["scaling"].pop("schedule", None)
    rehearsal.run("up", "--yes", "--skip-preview")
    until(lambda: replicas(rehearsal) == (0, 0), "the model to sleep", 240)
    sleep(10)
    assert replicas(rehearsal) == (0, 0)
    begun = monotonic()
    first = gate.post()
    figure("a sleeping model's first answer", monotonic() - begun)
    assert first.status_code == 503
    until(lambda: replicas(rehearsal)[0] == 1, "a replica to be wanted", 60)
    woken = monotonic()
    figure("from the first request to a replica that is wanted", woken - begun)
    until(lambda: replicas(rehearsal)[1] == 1, "the replica to be ready", 120)
    start = monotonic() - woken
    figure("the replica's own start", start)
    until(lambda: gate.post().status_code == 200, "an answer", 60)
    figure("from the first request to an answer", monotonic() - begun)
    assert monotonic() - begun <= start + COLD_START
    with gate.asked((20, 20)) as load:
        pass
    told = keep(load.episode("a model that was woken"))
    assert told["answered"] == told["requests"]
