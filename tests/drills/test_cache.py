"""Replicas that share answers in the cluster's Valkey, which goes and comes back."""

from collections.abc import Iterator

import pytest
from lightkube.resources.core_v1 import Pod
from prometheus_client.parser import text_string_to_metric_families

from infra.caching import CACHE, CACHE_NAMESPACE
from infra.models.planning import SERVING_PORT
from tests.drills.gate import Gate
from tests.drills.rehearsal import Rehearsal
from tests.live import until

pytestmark = pytest.mark.drill

MODEL = "risk"
REPLICAS = 2
BREAKER_SECONDS = 10


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """`local` with a model whose two replicas share answers."""
    made = Rehearsal.of("local", tmp_path_factory.mktemp("cache"))
    with made.changed() as config:
        config["slipway:cache"] = {"memory": "64Mi"}
        config["slipway:models"] = {
            MODEL: {
                "image": "built",
                "replicas": REPLICAS,
                "resources": {"cpu": "200m", "memory": "256Mi"},
                "serving": {"objective": 500, "cache": {"shared": "cluster", "seconds": 600}},
            }
        }
    with made.running():
        yield made


@pytest.fixture(scope="module")
def gate(rehearsal: Rehearsal) -> Gate:
    return Gate(rehearsal, MODEL)


def lookups(gate: Gate) -> dict[str, float]:
    """What looking for answers came to, over all replicas."""
    counted: dict[str, float] = {}
    for pod in gate.ready_pods():
        for family in text_string_to_metric_families(gate.told_by(pod, SERVING_PORT, "/metrics")):
            for sample in family.samples:
                if sample.name == "slipway_cache_lookups_total":
                    result = sample.labels["result"]
                    counted[result] = counted.get(result, 0) + sample.value
    return counted


def asked(gate: Gate, times: int) -> dict[str, float]:
    """What looking came to while it was asked the same so often; every one is answered."""
    before = lookups(gate)
    for _ in range(times):
        assert gate.post().status_code == 200
    return {result: count - before.get(result, 0) for result, count in lookups(gate).items()}


def test_what_one_replica_answered_another_gives_again(gate: Gate) -> None:
    assert len(gate.ready_pods()) == REPLICAS
    came_to = asked(gate, 40)
    assert came_to["shared"] >= 38, came_to
    assert came_to["miss"] <= 2, came_to


def test_while_it_is_away_models_answer_and_afterwards_it_is_used_again(rehearsal: Rehearsal, gate: Gate) -> None:
    (pod,) = rehearsal.kubernetes.list(Pod, namespace=CACHE_NAMESPACE)
    assert pod.metadata is not None
    rehearsal.kubernetes.delete(Pod, pod.metadata.name or "", namespace=CACHE_NAMESPACE, grace_period=0)
    asked(gate, 5)

    def is_back() -> bool:
        return asked(gate, 4).get("shared", 0) >= 2

    until(is_back, f"{CACHE} to be used again", 60 + BREAKER_SECONDS)
