"""What a stack has left in a cluster of others without the engine's knowing: made, and cut off before it was recorded.

All of a stack is in its namespace, which is made first: whatever is left is gone with it.
"""

import threading

from slipway.borrowed.record import Record
from slipway.borrowed.way import Way
from slipway.plugins.kubernetes import ownership, waiting
from slipway.plugins.kubernetes.cluster import KubernetesCluster
from slipway.plugins.kubernetes.kinds import NAMESPACE

_SECONDS = 300.0


def remove(way: Way, record: Record, *, stack: str, project: str, mark: str) -> list[str]:
    """Delete the namespaces that an instance made and the engine has no record of; their names.

    Args:
        way: Into the cluster.
        record: What the instance remembers of it.
        stack: Of the instance.
        project: Of its program.
        mark: The instance's own.

    Raises:
        ClusterError: The cluster refuses, or does not answer.
        NotReadyError: One is not gone in time.
    """
    cluster = KubernetesCluster(way.config)
    try:
        found = []
        for name in record.namespaces:
            urn = f"urn:pulumi:{stack}::{project}::slipway:models:ModelNamespace$kubernetes:core/v1:Namespace::{name}"
            live = cluster.find(NAMESPACE, name, None)
            if live is not None and ownership.is_managed_by(live, ownership.manager_of(urn, {}, mark)):
                cluster.delete(NAMESPACE, name, None)
                waiting.wait_until_gone(cluster, NAMESPACE, name, None, seconds=_SECONDS, cancelled=threading.Event())
                found.append(name)
        return found
    finally:
        cluster.close()
