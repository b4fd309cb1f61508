"""The layers below the cluster, in the order in which one needs the other; `destroy` takes them in reverse."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import Provider

from infra.foundation.addons import AddOns
from infra.foundation.cluster import Cluster
from infra.foundation.identities import Identities
from infra.foundation.interruptions import Interruptions
from infra.foundation.network import Network
from infra.foundation.nodes import NodeRole, SystemNodes
from infra.foundation.planning import keys as purposes
from infra.foundation.planning import review
from infra.foundation.planning.plan import ClusterPlan, FoundationPlan
from infra.foundation.review import ReviewQueues
from infra.foundation.stores import Stores


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A cluster that things can be put into.

    Attributes:
        provider: The kubernetes provider of it.
        name: Its name in AWS.
        kubeconfig: How people and programs reach it.
        node_role: Name of the role of nodes that Karpenter buys.
        queue: Name of the queue on which nodes are told that they go.
        vpc: Id of its network.
        ready: What has to be there before anything in the cluster works, and to stay until all of that is gone.
    """

    provider: Provider
    name: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    node_role: pulumi.Output[str]
    queue: pulumi.Output[str]
    vpc: pulumi.Output[str]
    ready: list[pulumi.Resource]


def build(plan: FoundationPlan, keys: Mapping[str, pulumi.Output[str]]) -> Platform | None:
    """Make what a stack has below its cluster, and the cluster where EKS is to make one.

    Args:
        plan: What there is.
        keys: ARNs of keys by purpose.
    """
    network = Network("network", spec=plan.network, log_key=keys[purposes.LOGS]) if plan.network else None
    if plan.stores:
        stores = Stores("stores", specs=plan.stores, key=keys[purposes.DATA])
        pulumi.export("buckets", stores.buckets)
    return _platform(plan.cluster, network, keys) if plan.cluster and network else None


def _platform(plan: ClusterPlan, network: Network, keys: Mapping[str, pulumi.Output[str]]) -> Platform:
    bought = NodeRole("bought-nodes", spec=plan.cluster.bought)
    cluster = Cluster(
        "cluster",
        spec=plan.cluster,
        subnets=network.of_kind("intra"),
        secrets_key=keys[purposes.SECRETS],
        log_key=keys[purposes.LOGS],
        bought_nodes=bought.arn,
    )
    identities = Identities("identities", specs=plan.identities, cluster=cluster.name)
    first = AddOns(
        "node-add-ons", specs=[each for each in plan.cluster.add_ons if each.before_nodes], cluster=cluster.name
    )
    system = SystemNodes(
        "system",
        spec=plan.cluster.system,
        cluster=cluster.name,
        subnets=network.of_kind("private"),
        after=[*first.made, *identities.of["cni"].ready, *network.ways_out],
    )
    rest = AddOns(
        "add-ons",
        specs=[each for each in plan.cluster.add_ons if not each.before_nodes],
        cluster=cluster.name,
        after=[system.group, *identities.of["volumes"].ready],
    )
    interruptions = Interruptions("interruptions", spec=plan.interruptions)
    reviews = [ReviewQueues("reviews", specs=plan.reviews, key=keys[review.KEY])] if plan.reviews else []
    for each in reviews:
        pulumi.export("reviews", each.urls)
    return Platform(
        provider=cluster.provider,
        name=cluster.name,
        kubeconfig=cluster.kubeconfig,
        node_role=bought.name,
        queue=interruptions.queue,
        vpc=network.vpc,
        ready=[network, cluster, bought, identities, first, system, rest, interruptions, *reviews],
    )
