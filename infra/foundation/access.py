"""The way into the cluster."""

import pulumi
from pulumi_kubernetes import Provider

from infra.settings import ExistingCluster


class ClusterAccess(pulumi.ComponentResource):
    """The kubernetes provider that everything in the cluster is made with.

    Args:
        name: Its name.
        cluster: Which cluster is meant.
        opts: Options of the component.

    Attributes:
        provider: Give it to components as `providers`.
    """

    def __init__(self, name: str, *, cluster: ExistingCluster, opts: pulumi.ResourceOptions | None = None) -> None:
        """Name the context; the kubeconfig itself is the environment's."""
        super().__init__("slipway:foundation:ClusterAccess", name, {}, opts)
        self.provider = Provider(name, context=cluster.context, opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
