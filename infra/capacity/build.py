"""The pools of a stack, in the order in which one needs the other; `destroy` takes them in reverse."""

import pulumi

from infra.capacity.planning import CapacityPlan
from infra.capacity.resources import CapacityPool, Priorities


def build(
    plan: CapacityPlan, *, cluster: pulumi.Input[str], node_role: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Make every pool, and the priorities of what runs on them.

    Args:
        plan: What there is; nothing is made of a plan without pools.
        cluster: The cluster's name in AWS.
        node_role: Name of the role of the nodes that are bought.
        opts: Must carry the provider of the cluster, and depend on Karpenter and whatever makes its nodes ready.

    Returns:
        What workloads wait for, so that they go before their nodes do.
    """
    if not plan.pools:
        return []
    return [
        Priorities("priorities", specs=plan.priorities, opts=opts),
        *(
            CapacityPool(name, plan=pool, cluster=cluster, node_role=node_role, opts=opts)
            for name, pool in plan.pools.items()
        ),
    ]
