"""Addon: one Helm release, from the pin and the values that are planned."""

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgsDict

from infra.addons.planning import AddonSpec
from infra.declared import LABELS

_ALWAYS_THERE = "kube-system"
_TIMEOUT_SECONDS = 600
"""How long its pods may take to be ready: images are pulled, and nodes may have to come up first."""


class Addon(pulumi.ComponentResource):
    """One chart, installed and waited for.

    Args:
        name: Its name.
        spec: What it is made from.
        opts: Must carry the provider of the cluster, and depend on what it runs on.
    """

    def __init__(self, name: str, *, spec: AddonSpec, opts: pulumi.ResourceOptions) -> None:
        """Install it."""
        super().__init__("slipway:addons:Addon", name, {}, opts)
        pin = spec.pin
        repository: RepositoryOptsArgsDict | None = {"repo": pin.repository} if pin.repository else None
        child = pulumi.ResourceOptions(parent=self)
        if pin.namespace != _ALWAYS_THERE:
            namespace = Namespace(
                pin.namespace, metadata={"name": pin.namespace, "labels": {**LABELS, **pin.labels}}, opts=child
            )
            child = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        self.release = Release(
            name,
            name=pin.name,
            chart=pin.chart,
            version=pin.version,
            repository_opts=repository,
            namespace=pin.namespace,
            values=dict(spec.values),
            # CRDs have a chart of their own, or upstream has none.
            skip_crds=not pin.bundles_crds,
            # What does not come up is taken back, so that the next `up` does not find half of it.
            atomic=True,
            cleanup_on_fail=True,
            timeout=_TIMEOUT_SECONDS,
            opts=child,
        )
        self.register_outputs({"version": pin.version})
