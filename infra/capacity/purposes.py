"""What differs between purposes: priorities, and how nodes are taken away. Every figure is here, with its reason.

Why these: docs/capacity/disruption.md and docs/capacity/priorities.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.capacity.specs import BudgetSpec, Policy, PriorityClassSpec
from infra.settings.capacity import Purpose


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How the nodes of a purpose come and go.

    Attributes:
        policy: Which nodes are taken away.
        after: For how long a node's pods must not have changed.
        after_gpu: The same for nodes with accelerators, whose models take minutes to load.
        budgets: How many nodes at once.
        expire: The age at which a node is replaced. It is forceful, and ignores budgets.
        drain: How long a node's pods may take to leave, whatever blocks them.
        max_unavailable: How many pods of one workload may be evicted at once; empty for any number.
        zones: Whether pods are spread over zones where that costs nothing.
    """

    policy: Policy
    after: str
    after_gpu: str
    budgets: tuple[BudgetSpec, ...]
    expire: str
    drain: str
    max_unavailable: str
    zones: bool


_EMPTY = BudgetSpec(nodes="100%", reasons=("Empty",))
_DRIFTED = BudgetSpec(nodes="10%", reasons=("Drifted",))

HABITS: Mapping[Purpose, Habits] = {
    "system": Habits(
        policy="WhenEmptyOrUnderutilized",
        after="5m",
        after_gpu="5m",
        budgets=(BudgetSpec(nodes="1"),),
        expire="720h",
        drain="10m",
        max_unavailable="1",
        zones=True,
    ),
    "serving": Habits(
        policy="WhenEmptyOrUnderutilized",
        # Six rounds of the descheduler (infra/addons/values.py) come before it: a ratio is mended while the nodes of
        # its parts are still there.
        after="3m",
        after_gpu="15m",
        # A replacement is up before its node is drained, so a third at once costs no capacity; and spot that is back
        # is bought again in minutes.
        budgets=(_EMPTY, BudgetSpec(nodes="34%", reasons=("Underutilized",)), _DRIFTED),
        expire="720h",
        drain="10m",
        max_unavailable="25%",
        zones=True,
    ),
    "batch": Habits(
        policy="WhenEmptyOrUnderutilized",
        after="5m",
        after_gpu="10m",
        budgets=(_EMPTY, BudgetSpec(nodes="10%")),
        expire="720h",
        drain="1h",
        max_unavailable="",
        zones=False,
    ),
    "training": Habits(
        # A job that is moved starts again from its checkpoint: only empty nodes are given back, and none expires.
        policy="WhenEmpty",
        after="5m",
        after_gpu="5m",
        budgets=(_EMPTY, BudgetSpec(nodes="1", reasons=("Drifted",))),
        expire="Never",
        drain="30m",
        max_unavailable="",
        zones=False,
    ),
}
"""By purpose; of a pool with several, the first one's hold."""

PRIORITIES: Mapping[Purpose, PriorityClassSpec] = {
    "system": PriorityClassSpec(
        name="slipway-system",
        value=1_000_000,
        preemption_policy="PreemptLowerPriority",
        description="What serving needs to work: gateways, metrics, autoscaling.",
    ),
    "serving": PriorityClassSpec(
        name="slipway-serving",
        value=100_000,
        preemption_policy="PreemptLowerPriority",
        description="Models that answer people. They take the place of batch and training.",
    ),
    "batch": PriorityClassSpec(
        name="slipway-batch",
        value=10_000,
        preemption_policy="Never",
        description="Work with a deadline. It waits for a place, and gives it up after training does.",
    ),
    "training": PriorityClassSpec(
        name="slipway-training",
        value=1_000,
        preemption_policy="Never",
        description="Work with checkpoints. It takes nobody's place, and gives its own up first.",
    ),
}
"""By purpose. Kubernetes' own classes for critical pods begin at 2,000,000,000."""
