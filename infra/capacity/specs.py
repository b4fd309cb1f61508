"""What planning comes to: NodePools, EC2NodeClasses and PriorityClasses as values.

https://karpenter.sh/docs/concepts/nodepools/ and https://karpenter.sh/docs/concepts/nodeclasses/
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from infra.capacity.names import SPREAD
from infra.settings.capacity import Purpose

CapacityType: TypeAlias = Literal["reserved", "on-demand", "spot"]
"""A value of `karpenter.sh/capacity-type`."""
Policy: TypeAlias = Literal["WhenEmpty", "WhenEmptyOrUnderutilized"]
"""Which nodes Karpenter takes away: empty ones, or also those whose pods fit elsewhere or on something cheaper."""


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """What the labels of a node must be.

    Attributes:
        key: The label.
        operator: As in a node selector.
        values: The label's values; one number as text for Gt and Lt.
    """

    key: str
    operator: Literal["In", "NotIn", "Exists"]
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Taint:
    """What keeps pods away that do not tolerate it.

    Attributes:
        key: Its name.
        value: Its value; empty where the name says all.
        effect: What it does.
    """

    key: str
    value: str = ""
    effect: Literal["NoSchedule"] = "NoSchedule"


@dataclass(frozen=True, kw_only=True)
class BudgetSpec:
    """How many nodes may be taken away at once.

    Attributes:
        nodes: A number or a share, as text.
        reasons: As Karpenter writes them; all when empty.
        schedule: A cron schedule in UTC; empty for always.
        duration: For how long, from then; empty for always.
    """

    nodes: str
    reasons: tuple[str, ...] = ()
    schedule: str = ""
    duration: str = ""


@dataclass(frozen=True, kw_only=True)
class NodePoolSpec:
    """One NodePool of Karpenter. A pool of the stack file is one or two of them.

    Attributes:
        name: Its name in the cluster.
        pool: The pool of the stack file.
        purposes: What the pool is for.
        capacity_types: In the order of preference that Karpenter has: reserved, spot, on-demand.
        instance_types: What the catalog says the requirements admit; what cost is reckoned with.
        requirements: What its nodes must be, capacity type and spread included.
        labels: Of its nodes.
        taints: Of its nodes, for good.
        startup_taints: Of its nodes, until an agent on them is ready.
        limits: The most there may be, by resource.
        weight: Which NodePool is asked first: the heavier; None without a preference.
        consolidation_policy: Which nodes are taken away.
        consolidate_after: For how long a node's pods must not have changed; or Never.
        budgets: How many at once.
        expire_after: The age at which a node is replaced; or Never.
        termination_grace_period: How long draining may take.
    """

    name: str
    pool: str
    purposes: tuple[Purpose, ...]
    capacity_types: tuple[CapacityType, ...]
    instance_types: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    startup_taints: tuple[Taint, ...]
    limits: Mapping[str, str]
    weight: int | None
    consolidation_policy: Policy
    consolidate_after: str
    budgets: tuple[BudgetSpec, ...]
    expire_after: str
    termination_grace_period: str

    @property
    def spread_values(self) -> tuple[str, ...]:
        """The parts of a ratio that its nodes are; none where there is no ratio."""
        return next((each.values for each in self.requirements if each.key == SPREAD), ())


@dataclass(frozen=True, kw_only=True)
class VolumeSpec:
    """A disk of a node, encrypted and gone with it.

    Attributes:
        device: Such as /dev/xvda.
        size: Such as 80Gi.
        iops: Operations per second; None for gp3's 3,000.
        throughput: MiB per second; None for gp3's 125.
    """

    device: str
    size: str
    iops: int | None = None
    throughput: int | None = None


@dataclass(frozen=True, kw_only=True)
class NodeClassSpec:
    """One EC2NodeClass of Karpenter: each pool has its own, so that an image or a disk is changed for one alone.

    Attributes:
        name: Its name in the cluster, the pool's.
        ami: Alias of the machine image, pinned.
        volumes: Its disks.
        raid: Whether instance stores become the node's scratch space, images included.
        reservation_ids: Capacity reservations by id.
        reservation_tags: Or by tags.
        kubelet: Settings of kubelet.
        tags: Of what is bought.
    """

    name: str
    ami: str
    volumes: tuple[VolumeSpec, ...]
    raid: bool
    reservation_ids: tuple[str, ...] = ()
    reservation_tags: Mapping[str, str] = field(default_factory=dict)
    kubelet: Mapping[str, int]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class PriorityClassSpec:
    """One PriorityClass (https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/).

    Attributes:
        name: Its name in the cluster.
        value: The higher goes first.
        preemption_policy: Whether its pods take the place of lower ones.
        description: For people.
    """

    name: str
    value: int
    preemption_policy: Literal["PreemptLowerPriority", "Never"]
    description: str
