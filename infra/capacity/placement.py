"""What a pod must say to run on a pool, and what the pool's nodes say: one place, so that the two agree.

https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from infra.capacity.mixes import Ratio
from infra.capacity.names import GPU_PRESENT, GPU_STARTUP, POOL, SPREAD, SYSTEM_TAINT, ZONE
from infra.capacity.purposes import HABITS, PRIORITIES
from infra.capacity.specs import Taint
from infra.catalog import InstanceType
from infra.settings.capacity import Pool, Purpose


@dataclass(frozen=True, kw_only=True)
class Toleration:
    """What a pod does not mind.

    Attributes:
        key: The taint's name.
        value: Its value; empty where any is meant.
    """

    key: str
    value: str = ""

    def tolerates(self, taint: Taint) -> bool:
        """Whether a taint keeps no pod away that has this."""
        return self.key == taint.key and self.value in {"", taint.value}


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A topology spread constraint over the pods of one workload.

    Attributes:
        key: The node label whose values are the domains.
        max_skew: The most pods that one domain may have more than the emptiest.
        unsatisfiable: Whether a pod waits, or goes elsewhere.
        min_domains: While fewer have nodes, the emptiest counts as empty; None without.
        taints: Whether nodes that a pod cannot run on are left out.
    """

    key: str
    max_skew: int = 1
    unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    min_domains: int | None = None
    taints: Literal["Honor", "Ignore"] = "Honor"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """What pods of one purpose say to run on one pool.

    Attributes:
        pool: The pool of the stack file.
        purpose: Of the pods.
        node_selector: Labels of the nodes.
        parts: Values of the spread label that the nodes may have; none where there is no ratio.
        tolerations: Of the pool's taints.
        spreads: How replicas are spread.
        priority_class: Who goes first.
        max_unavailable: How many of a workload may be evicted at once; empty for any number.
        accelerator: The resource by which pods ask for accelerators; empty without.
    """

    pool: str
    purpose: Purpose
    node_selector: Mapping[str, str]
    parts: tuple[str, ...]
    tolerations: tuple[Toleration, ...]
    spreads: tuple[Spread, ...]
    priority_class: str
    max_unavailable: str
    accelerator: str

    def fits(self, labels: Mapping[str, str], taints: tuple[Taint, ...]) -> bool:
        """Whether kube-scheduler would let such a pod onto a node with these labels and taints."""
        selected = all(labels.get(key) == value for key, value in self.node_selector.items())
        in_a_part = not self.parts or labels.get(SPREAD) in self.parts
        return selected and in_a_part and all(any(each.tolerates(one) for each in self.tolerations) for one in taints)


def labels(name: str, pool: Pool, types: tuple[InstanceType, ...]) -> dict[str, str]:
    """What the nodes of a pool are labelled with, beside what Karpenter labels them with."""
    return {**pool.labels, POOL: name, **({GPU_PRESENT: "true"} if _nvidia(types) else {})}


def taints(name: str, pool: Pool) -> tuple[Taint, ...]:
    """What keeps the pods of all other pools away: every pool has a taint of its own."""
    return (Taint(key=SYSTEM_TAINT, value="true"),) if "system" in pool.purposes else (Taint(key=POOL, value=name),)


def startup_taints(types: tuple[InstanceType, ...]) -> tuple[Taint, ...]:
    """What keeps pods away until a node's GPUs are known: without it, kube-scheduler finds none, and two are bought."""
    return (Taint(key=GPU_STARTUP, value="true"),) if _nvidia(types) else ()


def placement(
    name: str, pool: Pool, purpose: Purpose, types: tuple[InstanceType, ...], ratio: Ratio | None
) -> Placement:
    """What pods of a purpose say to run on a pool.

    Args:
        name: The pool's.
        pool: What the stack file says of it.
        purpose: One of the pool's.
        types: What its nodes may be.
        ratio: Its parts, if its mix is a ratio.
    """
    parts = tuple(part for of_capacity in ratio.names(name).values() for part in of_capacity) if ratio else ()
    return Placement(
        pool=name,
        purpose=purpose,
        node_selector={POOL: name},
        parts=parts,
        tolerations=tuple(_tolerating(taint) for taint in taints(name, pool)),
        spreads=(*_held(len(parts)), *_over_zones(pool, purpose, types)),
        priority_class=PRIORITIES[purpose].name,
        max_unavailable=HABITS[purpose].max_unavailable,
        accelerator=next((each.accelerator.resource for each in types if each.accelerator), ""),
    )


def _tolerating(taint: Taint) -> Toleration:
    return Toleration(key=taint.key, value="" if taint.key == SYSTEM_TAINT else taint.value)


def _held(parts: int) -> tuple[Spread, ...]:
    """The ratio. It waits rather than tilts, from the first pod on: docs/capacity/mix.md has the reasons."""
    return (Spread(key=SPREAD, unsatisfiable="DoNotSchedule", min_domains=parts),) if parts else ()


def _over_zones(pool: Pool, purpose: Purpose, types: tuple[InstanceType, ...]) -> tuple[Spread, ...]:
    """Over zones, where that costs nothing: a reservation is in one zone, and a node of four GPUs is not split."""
    several = any(each.accelerator and each.accelerator.count > 1 for each in types)
    if not HABITS[purpose].zones or pool.mix.reserved is not None or several:
        return ()
    return (Spread(key=ZONE, unsatisfiable="ScheduleAnyway"),)


def _nvidia(types: tuple[InstanceType, ...]) -> bool:
    return any(each.accelerator and each.accelerator.vendor == "nvidia" for each in types)
