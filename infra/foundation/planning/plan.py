"""Everything that a stack has below its cluster, planned at once."""

from dataclasses import dataclass

from infra.encryption import KeySpec
from infra.foundation.planning.cluster import ClusterSpec, plan_cluster
from infra.foundation.planning.identities import IdentitySpec, plan_identities
from infra.foundation.planning.interruptions import InterruptionsSpec, plan_interruptions
from infra.foundation.planning.keys import plan_keys
from infra.foundation.planning.network import NetworkSpec, plan_network
from infra.foundation.planning.review import ReviewQueueSpec, plan_reviews
from infra.foundation.planning.stores import StoreSpec, plan_stores
from infra.place import Place
from infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """A cluster, and what belongs to it.

    Attributes:
        cluster: The cluster of EKS.
        identities: Who its pods are in AWS.
        interruptions: The queue that its nodes hear by.
        reviews: The queues on which what its models are not sure of waits for people.
    """

    cluster: ClusterSpec
    identities: tuple[IdentitySpec, ...]
    interruptions: InterruptionsSpec
    reviews: tuple[ReviewQueueSpec, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FoundationPlan:
    """What a stack has below its cluster; a layer that is not planned is not built.

    Attributes:
        keys: What the rest is encrypted with.
        network: Its network.
        stores: Its buckets.
        cluster: Its cluster, where EKS makes one.
    """

    keys: tuple[KeySpec, ...] = ()
    network: NetworkSpec | None = None
    stores: tuple[StoreSpec, ...] = ()
    cluster: ClusterPlan | None = None

    @property
    def review_urls(self) -> dict[str, str]:
        """URLs of the queues that it makes for models, by model."""
        return {each.model: each.url for each in self.cluster.reviews} if self.cluster else {}


def plan_foundation(settings: Settings, place: Place | None) -> FoundationPlan:
    """Plan all of it; nothing for a stack that has nothing in AWS."""
    if place is None:
        return FoundationPlan()
    cluster, interruptions = plan_cluster(settings, place), plan_interruptions(settings, place)
    return FoundationPlan(
        keys=tuple(plan_keys(settings, place)),
        network=plan_network(settings, place),
        stores=tuple(plan_stores(settings, place)),
        cluster=ClusterPlan(
            cluster=cluster,
            identities=tuple(plan_identities(settings, place)),
            interruptions=interruptions,
            reviews=tuple(plan_reviews(settings, place)),
        )
        if cluster is not None and interruptions is not None
        else None,
    )
