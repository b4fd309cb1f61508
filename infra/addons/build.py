"""The in-cluster programs of a stack, each after those that it needs; `destroy` takes them in reverse."""

from collections.abc import Sequence

import pulumi

from infra.addons.gateway import manifests
from infra.addons.gpu_readiness import GpuReadiness
from infra.addons.planning import AddonSpec
from infra.addons.prometheus import Prometheus
from infra.addons.release import Addon
from infra.addons.table import NVIDIA, PROMETHEUS
from infra.declared import declare
from infra.settings.gateway import Gateway


def build(specs: Sequence[AddonSpec], *, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """Install every chart; with GPUs, what takes startup taints off; with Prometheus' operator, Prometheus.

    Args:
        specs: What there is, each after those that it needs.
        opts: Must carry the provider of the cluster, and depend on the nodes that the programs run on.

    Returns:
        What pools of nodes wait for, so that they are drained before any of it goes.
    """
    made: dict[str, pulumi.Resource] = {}
    for spec in specs:
        needs = pulumi.ResourceOptions(depends_on=[made[name] for name in spec.after])
        made[spec.pin.name] = Addon(spec.pin.name, spec=spec, opts=pulumi.ResourceOptions.merge(opts, needs))
    others: list[pulumi.Resource] = []
    if NVIDIA.name in made:
        others.append(GpuReadiness("gpu-readiness", opts=opts))
    if PROMETHEUS.name in made:
        operated = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[made[PROMETHEUS.name]]))
        others.append(Prometheus("prometheus", namespace=PROMETHEUS.namespace, opts=operated))
    return [*made.values(), *others]


class ModelGateway(pulumi.ComponentResource):
    """The one door that clients come through.

    Args:
        name: Its name.
        settings: slipway:gateway.
        models: The namespace whose routes it takes.
        is_monitored: Whether Prometheus asks its Envoys.
        opts: Must carry the provider of the cluster, and depend on Envoy Gateway.
    """

    def __init__(
        self, name: str, *, settings: Gateway, models: str, is_monitored: bool, opts: pulumi.ResourceOptions
    ) -> None:
        """Declare it."""
        super().__init__("slipway:addons:ModelGateway", name, {}, opts)
        declare(
            name, manifests(settings, models=models, is_monitored=is_monitored), pulumi.ResourceOptions(parent=self)
        )
        self.register_outputs({})
