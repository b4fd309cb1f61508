"""NodePools, EC2NodeClasses and PriorityClasses as resources, in the order that lets `destroy` drain them.

Pulumi removes in reverse: pods, NodePools, EC2NodeClasses, and only then what `opts` depends on: the Karpenter release,
its CRDs, the node group, the cluster. In another order, nodes are orphaned and billed. A NodePool itself holds nothing
up: its NodeClaims do, which it owns, when it is removed in the foreground.
https://kubernetes.io/docs/concepts/architecture/garbage-collection/#foreground-deletion
"""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.scheduling.v1 import PriorityClass

from infra.capacity import manifests
from infra.capacity.planning import PoolPlan
from infra.capacity.specs import PriorityClassSpec

_DRAIN = pulumi.CustomTimeouts(delete="90m")
"""A NodePool is gone when its last node is: as long as its pods may take to leave."""
_WITH_ITS_NODES = {"pulumi.com/deletionPropagationPolicy": "foreground"}
_NEVER_UPDATED = ["value", "preemptionPolicy"]
"""What Kubernetes refuses to change of a PriorityClass. Pods keep the number that they were admitted with."""
_LABELS = {"app.kubernetes.io/part-of": "slipway", "app.kubernetes.io/component": "capacity"}


class CapacityPool(pulumi.ComponentResource):
    """One pool of the stack file: its EC2NodeClass and its NodePools.

    Args:
        name: The pool's name.
        plan: What it is made from.
        cluster: The cluster's name in AWS.
        node_role: Name of the nodes' IAM role.
        opts: Must carry the provider of the cluster, and depend on the Karpenter release.
    """

    def __init__(
        self,
        name: str,
        *,
        plan: PoolPlan,
        cluster: pulumi.Input[str],
        node_role: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """Make the node class, then the node pools that refer to it."""
        super().__init__("slipway:capacity:CapacityPool", name, {}, opts)
        api_version, kind = manifests.NODE_CLASS
        self.node_class = CustomResource(
            f"{name}-class",
            api_version=api_version,
            kind=kind,
            metadata={"name": plan.node_class.name, "labels": _LABELS},
            spec=manifests.node_class(plan.node_class, cluster=cluster, role=node_role),
            opts=pulumi.ResourceOptions(parent=self),
        )
        api_version, kind = manifests.NODE_POOL
        self.node_pools = [
            CustomResource(
                each.name,
                api_version=api_version,
                kind=kind,
                metadata={"name": each.name, "labels": _LABELS, "annotations": _WITH_ITS_NODES},
                spec=manifests.node_pool(each),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.node_class], custom_timeouts=_DRAIN),
            )
            for each in plan.node_pools
        ]
        self.register_outputs({"node_pools": [each.name for each in plan.node_pools]})


class Priorities(pulumi.ComponentResource):
    """Who goes first: a PriorityClass for each purpose.

    Args:
        name: Its name.
        specs: What they are.
        opts: Must carry the provider of the cluster.
    """

    def __init__(self, name: str, *, specs: Sequence[PriorityClassSpec], opts: pulumi.ResourceOptions) -> None:
        """Make them."""
        super().__init__("slipway:capacity:Priorities", name, {}, opts)
        self.classes = [
            PriorityClass(
                each.name,
                metadata={"name": each.name, "labels": _LABELS},
                value=each.value,
                preemption_policy=each.preemption_policy,
                global_default=False,
                description=each.description,
                # Its name is taken until the old one is gone.
                opts=pulumi.ResourceOptions(parent=self, replace_on_changes=_NEVER_UPDATED, delete_before_replace=True),
            )
            for each in specs
        ]
        self.register_outputs({})
