"""That what is planned agrees with itself: taints with tolerations, labels with selectors, objects with their CRDs.

What pods and nodes say is read from the objects as they are sent, and held together by the scheduler's own rules:
https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from infra.capacity import manifests
from infra.capacity.names import DISCOVERY, SPREAD
from infra.capacity.planning import CapacityPlan, PoolPlan, UnplannedError
from infra.models.placing import placed
from infra.models.planning import ModelSpec
from infra.settings.capacity import PURPOSES, Pool
from tests.infra.capacity.crds import broken_rules, validator


def agrees(planned: CapacityPlan, asked: Mapping[str, Pool]) -> None:
    """Pools: who may run where, how the mix is divided, and that the CRDs take it."""
    names = [each.name for each in planned.node_pools]
    assert len(names) == len({*names})
    assert list(planned.pools) == list(asked)
    assert planned.node_classes == tuple(each.node_class for each in planned.pools.values())
    for pool in planned.pools.values():
        _is_found_by_its_own(planned, pool)
        _is_divided(pool, asked[pool.name])
        _is_safe(pool)
        for purpose in {*PURPOSES} - {*pool.placements}:
            with pytest.raises(UnplannedError, match=f"the pool {pool.name} is for .*, not for {purpose}"):
                planned.placement(pool.name, purpose)
    with pytest.raises(UnplannedError, match="there is no pool gone; the stack has"):
        planned.placement("gone", "serving")


def _is_found_by_its_own(planned: CapacityPlan, pool: PoolPlan) -> None:
    for purpose, placement in pool.placements.items():
        assert planned.placement(pool.name, purpose) == placement
        for node in planned.node_pools:
            values = node.spread_values or ("",)
            fitting = [placement.fits({**node.labels, SPREAD: value}, node.taints) for value in values]
            assert fitting == [node.pool == pool.name] * len(values), "its own pool, and no other"
        constraint = [each for each in placement.spreads if each.key == SPREAD]
        assert [each.min_domains for each in constraint] == ([pool.ratio.parts] if pool.ratio else [])


def _is_divided(pool: PoolPlan, asked: Pool) -> None:
    parts = [value for node in pool.node_pools for value in node.spread_values]
    assert len(parts) == len({*parts}) == (pool.ratio.parts if pool.ratio else 0)
    if pool.ratio:
        assert abs(pool.ratio.percent - asked.mix.shares["on-demand"]) <= 0.5
        assert [len(node.spread_values) for node in pool.node_pools] == [pool.ratio.on_demand, pool.ratio.spot]
        assert pool.ratio.deviation(3 * pool.ratio.parts) == 0
        assert 0 < pool.ratio.deviation(3 * pool.ratio.parts + 1) <= 100
    assert all(node.limits and node.instance_types for node in pool.node_pools)


def _is_safe(pool: PoolPlan) -> None:
    node_class = manifests.node_class(pool.node_class, cluster="c", role="r")
    _valid("EC2NodeClass", node_class)
    assert all(each["ebs"]["encrypted"] is True for each in node_class["blockDeviceMappings"])
    assert node_class["metadataOptions"]["httpTokens"] == "required"
    assert node_class["subnetSelectorTerms"] == node_class["securityGroupSelectorTerms"] == [{"tags": {DISCOVERY: "c"}}]
    for node in pool.node_pools:
        _valid("NodePool", manifests.node_pool(node))


def _valid(kind: str, spec: dict[str, Any]) -> None:
    assert [error.message for error in validator(kind).iter_errors(spec)] == []
    assert broken_rules(kind, spec) == []


def runs_on_its_pool(model: ModelSpec, planned: CapacityPlan) -> None:
    """A model's pods: on every node of their pool and on no other, as the objects say it."""
    assert model.placement is not None
    pod = placed(model)
    assert pod["priority_class_name"] == "slipway-serving"
    assert {*model.amounts} == {
        "cpu",
        "memory",
        "ephemeral-storage",
        *([model.placement.accelerator] if model.gpus else []),
    }
    for node in planned.node_pools:
        template = manifests.node_pool(node)["template"]
        values = node.spread_values or ("",)
        admitted = [
            is_admitted(pod, {**template["metadata"]["labels"], SPREAD: value}, template["spec"]["taints"])
            for value in values
        ]
        assert admitted == [node.pool == model.placement.pool] * len(values)
    held = [each for each in pod.get("topology_spread_constraints", ()) if each["topology_key"] == SPREAD]
    parts = [value for each in planned.pools[model.placement.pool].node_pools for value in each.spread_values]
    assert ("affinity" in pod) == bool(parts)
    assert not any(is_admitted(pod, {**pod["node_selector"], SPREAD: "another"}, ()) for _ in parts[:1])
    told = [(each["min_domains"], each["when_unsatisfiable"]) for each in held]
    assert told == ([(len(parts), "DoNotSchedule")] if parts else [])
    assert all(each["label_selector"] == {"match_labels": model.selector} for each in held)


def is_admitted(pod: Mapping[str, Any], labels: Mapping[str, str], taints: Iterable[Mapping[str, str]]) -> bool:
    """Whether kube-scheduler would let a pod, in the SDK's names, onto a node."""
    selected = all(labels.get(key) == value for key, value in pod.get("node_selector", {}).items())
    required = (
        pod.get("affinity", {}).get("node_affinity", {}).get("required_during_scheduling_ignored_during_execution")
    )
    terms = required["node_selector_terms"] if required else [{"match_expressions": []}]
    matched = any(
        all(
            each["operator"] == "In" and labels.get(each["key"]) in each["values"] for each in term["match_expressions"]
        )
        for term in terms
    )
    return selected and matched and not keeps_away(taints, pod.get("tolerations", ()))


def keeps_away(taints: Iterable[Mapping[str, str]], tolerations: Iterable[Mapping[str, str]]) -> bool:
    """Whether some taint is tolerated by none."""
    return not all(any(_tolerates(each, taint) for each in tolerations) for taint in taints)


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    if toleration.get("effect", taint["effect"]) != taint["effect"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key", taint["key"]) == taint["key"]
    return (toleration["key"], toleration["value"]) == (taint["key"], taint["value"])
