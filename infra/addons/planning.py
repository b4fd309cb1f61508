"""Which charts a stack has, with which values, in which order. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.addons import table, values
from infra.addons.table import Pin
from infra.addons.values import Surroundings
from infra.capacity.planning import CapacityPlan
from infra.settings import Settings
from infra.settings.cluster import ExistingCluster, Program

FEWEST_FOR_SPOT = 15
"""Types that Karpenter wants to choose from before it replaces a spot node by a cheaper one."""


@dataclass(frozen=True, kw_only=True)
class AddonSpec:
    """One chart as it is installed.

    Attributes:
        pin: Which.
        values: What it is told.
        after: Names of those that are there before it, and go after it.
    """

    pin: Pin
    values: Mapping[str, Any]
    after: tuple[str, ...] = ()


def plan(capacity: CapacityPlan, around: Surroundings) -> tuple[AddonSpec, ...]:
    """What a cluster of EKS gets: load balancers always; the rest where the pools need it.

    Args:
        capacity: The stack's pools.
        around: The cluster.
    """
    found = [AddonSpec(pin=table.LOAD_BALANCERS, values=values.load_balancers(around))]
    if capacity.pools:
        found += [
            AddonSpec(pin=table.KARPENTER_CRDS, values={}),
            AddonSpec(
                pin=table.KARPENTER,
                values=values.karpenter(around, spot_to_spot=chooses_spot_widely(capacity)),
                after=(table.KARPENTER_CRDS.name,),
            ),
        ]
    if has_nvidia(capacity):
        found.append(AddonSpec(pin=table.NVIDIA, values=values.nvidia()))
    if any(pool.ratio for pool in capacity.pools.values()):
        found.append(AddonSpec(pin=table.DESCHEDULER, values=values.descheduler()))
    return tuple(found)


def plan_serving(settings: Settings) -> tuple[AddonSpec, ...]:
    """What a gateway needs, and models that scale; none where there is neither, or where it is installed already."""
    wanted: dict[Program, AddonSpec] = {}
    if settings.gateway is not None:
        # The load balancer of the gateway goes before what removes it.
        after = () if isinstance(settings.cluster, ExistingCluster) else (table.LOAD_BALANCERS.name,)
        wanted["envoy-gateway"] = AddonSpec(pin=table.ENVOY_GATEWAY, values=values.envoy_gateway(), after=after)
    if settings.scales:
        wanted["keda"] = AddonSpec(pin=table.KEDA, values=values.keda())
        wanted["prometheus"] = AddonSpec(pin=table.PROMETHEUS, values=values.prometheus_operator())
    if not isinstance(settings.cluster, ExistingCluster):
        return tuple(wanted.values())
    if settings.scales:
        wanted["metrics-server"] = AddonSpec(pin=table.METRICS_SERVER, values=values.metrics_server())
    return tuple(spec for program, spec in wanted.items() if program not in settings.cluster.installed)


def has_nvidia(capacity: CapacityPlan) -> bool:
    """Whether some pool has NVIDIA GPUs."""
    return any(pool.startup_taints for pool in capacity.node_pools)


def chooses_spot_widely(capacity: CapacityPlan) -> bool:
    """Whether some pool that buys spot has enough types; in others, Karpenter itself leaves spot nodes alone."""
    spot = (pool for pool in capacity.node_pools if "spot" in pool.capacity_types)
    return any(len(pool.instance_types) >= FEWEST_FOR_SPOT for pool in spot)
