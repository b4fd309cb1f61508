"""What the resources of one provider share: its cluster, and how to reach the engine."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from slipway.plugins.kubernetes.cluster import ClusterError, KubernetesCluster
from slipway.plugins.kubernetes.ownership import manager_of

Tell = Callable[[str, str], None]
"""Shows a line beside the resource of a URN."""


@dataclass
class Session:
    """One configured provider.

    Attributes:
        cancelled: Set when the engine gives up.
        tell: Shows what is being done.
        warn: Shows what the user should know, and keeps it.
        cluster: The cluster; none while it is not known which (in a preview).
        namespace: Where objects without a namespace are made; none while that is not known.
        mark: The instance's, which no other one has.
        is_of_others: Whether others make objects in the cluster, too, that have to be told from those of the stack.
    """

    cancelled: threading.Event
    tell: Tell
    warn: Tell
    cluster: KubernetesCluster | None = None
    namespace: str | None = None
    mark: str = ""
    is_of_others: bool = False

    def manager_of(self, urn: str, state: Mapping[str, Any]) -> str:
        """The name a resource of this instance manages its fields under.

        Args:
            urn: The resource's.
            state: What is recorded of it, if anything.
        """
        return manager_of(urn, state, self.mark)

    def connected(self) -> KubernetesCluster:
        """The cluster.

        Raises:
            ClusterError: It is not known yet which.
        """
        if self.cluster is None:
            raise ClusterError("the provider's kubeconfig is not known yet")
        return self.cluster


class Resources(Protocol):
    """Resources of one sort: what the engine asks of each, with the engine's own messages."""

    def check(self, request: Any) -> Any:
        """Complete the inputs, and refuse what would be passed over."""

    def diff(self, request: Any) -> Any:
        """Say what changes, and whether it needs a new one."""

    def create(self, request: Any) -> Any:
        """Make it and wait until it is ready; in a preview, say what would be made."""

    def read(self, request: Any) -> Any:
        """See what it is now."""

    def update(self, request: Any) -> Any:
        """Change it and wait until it is ready again; in a preview, say what it would become."""

    def delete(self, request: Any) -> Any:
        """Delete it and wait until it is gone; one that is gone already is fine."""
