"""The cache that models share: a Valkey in the cluster, for those whose `cache` says `shared: cluster`."""

from infra.settings.amounts import Memory
from infra.settings.section import Section


class SharedCache(Section):
    """Answers that the replicas of all models keep together, in one Valkey in the cluster."""

    memory: Memory = "256Mi"
    """Of its pod. Answers take 70% of it at most; the least recently used go first. It runs where nodes are not bought
    for models, so that it has to fit a system node. What it keeps is gone when it starts anew."""
