"""The in-cluster programs of a stack, each after those that it needs; `destroy` takes them in reverse."""

from collections.abc import Sequence

import pulumi

from infra.addons.gpu_readiness import GpuReadiness
from infra.addons.planning import AddonSpec
from infra.addons.release import Addon
from infra.addons.table import NVIDIA


def build(specs: Sequence[AddonSpec], *, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """Install every chart, and what takes startup taints off where there are GPUs.

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
    readiness = [GpuReadiness("gpu-readiness", opts=opts)] if NVIDIA.name in made else []
    return [*made.values(), *readiness]
