"""The part of a model's pod template that says where it runs. Pure: what it says is planned by `infra.capacity`."""

from typing import Any

from infra.capacity.names import SPREAD
from infra.capacity.placement import Placement, Spread, Toleration
from infra.models.planning import ModelSpec


def placed(spec: ModelSpec) -> dict[str, Any]:
    """Fields of a pod's spec, as Pulumi's SDK names them; none where the stack has no pools."""
    placement = spec.placement
    if placement is None:
        return {}
    return {
        "node_selector": dict(placement.node_selector),
        "tolerations": [_toleration(each) for each in placement.tolerations],
        "priority_class_name": placement.priority_class,
        **({"affinity": _affinity(placement)} if placement.parts else {}),
        **(
            {"topology_spread_constraints": [_spread(each, spec) for each in placement.spreads]}
            if placement.spreads
            else {}
        ),
    }


def _toleration(toleration: Toleration) -> dict[str, str]:
    if not toleration.value:
        return {"key": toleration.key, "operator": "Exists", "effect": "NoSchedule"}
    return {"key": toleration.key, "operator": "Equal", "value": toleration.value, "effect": "NoSchedule"}


def _affinity(placement: Placement) -> dict[str, Any]:
    """The parts of the ratio: Karpenter counts those that a pod may be in, and no other pool's."""
    parts = {"key": SPREAD, "operator": "In", "values": list(placement.parts)}
    required = {"node_selector_terms": [{"match_expressions": [parts]}]}
    return {"node_affinity": {"required_during_scheduling_ignored_during_execution": required}}


def _spread(spread: Spread, spec: ModelSpec) -> dict[str, Any]:
    constraint: dict[str, Any] = {
        "topology_key": spread.key,
        "max_skew": spread.max_skew,
        "when_unsatisfiable": spread.unsatisfiable,
        "node_taints_policy": spread.taints,
        "node_affinity_policy": "Honor",
        "label_selector": {"match_labels": spec.selector},
        # Each revision is spread by itself: while one replaces the other, old pods do not tilt the new.
        "match_label_keys": ["pod-template-hash"],
    }
    return constraint if spread.min_domains is None else {**constraint, "min_domains": spread.min_domains}
