"""From the stack file to what Karpenter is told, and to what pods say. Pure: no Pulumi, no files beyond the catalog.

https://karpenter.sh/docs/concepts/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from infra.capacity import images, placement
from infra.capacity.mixes import Ratio, ratio
from infra.capacity.names import CAPACITY_TYPE, SPREAD
from infra.capacity.placement import Placement
from infra.capacity.purposes import HABITS, PRIORITIES
from infra.capacity.selection import requirements, select
from infra.capacity.specs import (
    BudgetSpec,
    CapacityType,
    NodeClassSpec,
    NodePoolSpec,
    Policy,
    PriorityClassSpec,
    Requirement,
)
from infra.catalog import Catalog, InstanceType
from infra.settings.capacity import Budget, Limits, Mix, Pool, Purpose
from infra.settings.quantities import bytes_of, millicores
from infra.settings.wording import listed

COMMITTED_WEIGHT = 100
"""Karpenter asks the heaviest NodePool first; one without a weight has 0."""
REST_WEIGHT = 10
"""Of a ratio's on-demand NodePool: pods that are no multiple of the parts, or fewer, are on-demand first."""
_POLICIES: Mapping[str, Policy] = {"underutilized": "WhenEmptyOrUnderutilized", "empty": "WhenEmpty"}


class UnplannedError(LookupError):
    """A workload was to be placed where there is no place for it."""


@dataclass(frozen=True, kw_only=True)
class PoolPlan:
    """One pool of the stack file.

    Attributes:
        name: Its name there.
        node_class: What its machines are.
        node_pools: One, or two: the parts of a ratio, or what is committed and what is not.
        placements: What its pods say, by purpose.
        ratio: The parts of its mix; None without a ratio.
        types: What its nodes may be, as the catalog has it.
    """

    name: str
    node_class: NodeClassSpec
    node_pools: tuple[NodePoolSpec, ...]
    placements: Mapping[Purpose, Placement]
    ratio: Ratio | None
    types: tuple[InstanceType, ...]


@dataclass(frozen=True, kw_only=True)
class CapacityPlan:
    """All of a stack.

    Attributes:
        pools: By name, in the order of the file.
        priorities: The PriorityClasses; none without a pool.
    """

    pools: Mapping[str, PoolPlan]
    priorities: tuple[PriorityClassSpec, ...]

    @property
    def node_pools(self) -> tuple[NodePoolSpec, ...]:
        """Of all pools."""
        return tuple(each for pool in self.pools.values() for each in pool.node_pools)

    @property
    def node_classes(self) -> tuple[NodeClassSpec, ...]:
        """Of all pools."""
        return tuple(pool.node_class for pool in self.pools.values())

    def placement(self, pool: str, purpose: Purpose) -> Placement:
        """What a pod of a purpose says to run on a pool.

        Raises:
            UnplannedError: There is no such pool, or it is not for that.
        """
        planned = self.pools.get(pool)
        if planned is None:
            msg = f"there is no pool {pool}; the stack has {listed(self.pools) or 'none'}"
            raise UnplannedError(msg)
        if purpose not in planned.placements:
            msg = f"the pool {pool} is for {listed(planned.placements)}, not for {purpose}"
            raise UnplannedError(msg)
        return planned.placements[purpose]


def plan(
    pools: Mapping[str, Pool], catalog: Catalog, *, region: str, tags: Mapping[str, str] | None = None
) -> CapacityPlan:
    """Plan every pool. `infra.capacity.checking` has found nothing wrong with them.

    Args:
        pools: As the stack file has them.
        catalog: What is sold.
        region: Where.
        tags: Of everything that is bought.
    """
    planned = {name: plan_pool(name, pool, catalog, region=region, tags=tags or {}) for name, pool in pools.items()}
    return CapacityPlan(pools=planned, priorities=tuple(PRIORITIES.values()) if planned else ())


def plan_pool(name: str, pool: Pool, catalog: Catalog, *, region: str, tags: Mapping[str, str]) -> PoolPlan:
    """Plan one pool."""
    types = select(pool.instances, catalog, region)
    parts = ratio_of(pool.mix)
    return PoolPlan(
        name=name,
        node_class=_node_class(name, pool, types, tags),
        node_pools=_node_pools(name, pool, types, requirements(types, catalog), parts),
        placements={purpose: placement.placement(name, pool, purpose, types, parts) for purpose in pool.purposes},
        ratio=parts,
        types=types,
    )


def ratio_of(mix: Mix) -> Ratio | None:
    """The parts of a mix; None where it is of one kind, or an order."""
    return ratio(mix.shares["on-demand"]) if len(mix.shares) == 2 else None


def node_pool_names(name: str, mix: Mix) -> tuple[str, ...]:
    """What a pool's NodePools are called."""
    if mix.committed is not None:
        return (f"{name}-committed", name)
    return (f"{name}-on-demand", f"{name}-spot") if len(mix.shares) == 2 else (name,)


def limits_of(limits: Limits, accelerator: str = "", part: int = 1, parts: int = 1) -> dict[str, str]:
    """Limits as Kubernetes writes them, or a part of them, rounded down.

    Args:
        limits: As the stack file has them.
        accelerator: The resource of the pool's accelerators; empty without.
        part: So many parts …
        parts: … of so many.
    """
    found: dict[str, str] = {}
    if limits.cpu:
        found["cpu"] = _cores(millicores(limits.cpu) * part // parts)
    if limits.memory:
        found["memory"] = f"{bytes_of(limits.memory) * part // parts // 2**20}Mi"
    if limits.gpus and accelerator:
        found[accelerator] = str(limits.gpus * part // parts)
    return found


def _node_pools(
    name: str, pool: Pool, types: tuple[InstanceType, ...], asked: tuple[Requirement, ...], parts: Ratio | None
) -> tuple[NodePoolSpec, ...]:
    accelerator = next((each.accelerator.resource for each in types if each.accelerator), "")
    mix, names = pool.mix, node_pool_names(name, pool.mix)

    def of_kind(
        called: str,
        kinds: tuple[CapacityType, ...],
        limits: Mapping[str, str],
        spread: tuple[str, ...] = (),
        weight: int | None = None,
    ) -> NodePoolSpec:
        spreads = (Requirement(key=SPREAD, operator="In", values=spread),) if spread else ()
        return _node_pool(
            called,
            pool=name,
            settings=pool,
            types=types,
            kinds=kinds,
            asked=(*asked, Requirement(key=CAPACITY_TYPE, operator="In", values=kinds), *spreads),
            limits=limits,
            weight=weight,
        )

    if parts is not None:
        values = parts.names(name)
        return (
            of_kind(
                names[0],
                ("on-demand",),
                limits_of(pool.limits, accelerator, parts.on_demand, parts.parts),
                values["on-demand"],
                weight=REST_WEIGHT,
            ),
            # Two kinds in one list are an order: on-demand is bought where there is no spot, and given back for it.
            of_kind(
                names[1],
                ("spot", "on-demand"),
                limits_of(pool.limits, accelerator, parts.spot, parts.parts),
                values["spot"],
            ),
        )
    if mix.committed is not None:
        paid = limits_of(mix.committed, accelerator)
        rest = limits_of(remaining(pool.limits, mix.committed), accelerator)
        then = capacity_types(mix)[-1:]
        return (of_kind(names[0], ("on-demand",), paid, weight=COMMITTED_WEIGHT), of_kind(names[1], then, rest))
    return (of_kind(names[0], capacity_types(mix), limits_of(pool.limits, accelerator)),)


def capacity_types(mix: Mix) -> tuple[CapacityType, ...]:
    """What a mix without a ratio buys, the first before the next."""
    order: tuple[CapacityType, ...] = ("reserved",) if mix.reserved else ()
    kinds: tuple[CapacityType, ...] = tuple(mix.shares)
    return (*order, *kinds, *((mix.then,) if mix.then else ()))


def remaining(limits: Limits, committed: Limits) -> Limits:
    """What of a pool's limits is beyond the commitment; where the pool has none, there is none."""
    gpus = limits.gpus - (committed.gpus or 0) if limits.gpus else None
    return Limits.model_construct(
        cpu=_cores(millicores(limits.cpu) - _millicores(committed.cpu)) if limits.cpu else "",
        memory=f"{(bytes_of(limits.memory) - _bytes(committed.memory)) // 2**20}Mi" if limits.memory else "",
        gpus=gpus,
    )


def _node_pool(
    called: str,
    *,
    pool: str,
    settings: Pool,
    types: tuple[InstanceType, ...],
    kinds: tuple[CapacityType, ...],
    asked: tuple[Requirement, ...],
    limits: Mapping[str, str],
    weight: int | None,
) -> NodePoolSpec:
    habits, told = HABITS[settings.purposes[0]], settings.disruption
    accelerated = any(each.accelerator for each in types)
    return NodePoolSpec(
        name=called,
        pool=pool,
        purposes=settings.purposes,
        capacity_types=kinds,
        instance_types=tuple(each.name for each in types),
        requirements=asked,
        labels=placement.labels(pool, settings, types),
        taints=placement.taints(pool, settings),
        startup_taints=placement.startup_taints(types),
        limits=limits,
        weight=weight,
        consolidation_policy=_POLICIES[told.consolidate] if told.consolidate else habits.policy,
        consolidate_after=_time(told.consolidate_after or (habits.after_gpu if accelerated else habits.after)),
        budgets=tuple(map(_budget, told.budgets)) or habits.budgets,
        expire_after=_time(settings.expire_after or habits.expire),
        termination_grace_period=told.drain or habits.drain,
    )


def _node_class(name: str, pool: Pool, types: tuple[InstanceType, ...], tags: Mapping[str, str]) -> NodeClassSpec:
    ami = pool.ami or images.AMI
    reserved = pool.mix.reserved
    return NodeClassSpec(
        name=name,
        ami=ami,
        volumes=images.volumes(ami, types, pool.volumes),
        raid=images.raid(types, pool.volumes),
        reservation_ids=reserved.ids if reserved else (),
        reservation_tags=reserved.tags if reserved else {},
        kubelet=images.KUBELET,
        tags={**tags, "slipway:pool": name},
    )


def _budget(budget: Budget) -> BudgetSpec:
    return BudgetSpec(
        nodes=budget.nodes,
        reasons=tuple(each.capitalize() for each in budget.reasons),
        schedule=budget.schedule,
        duration=budget.duration,
    )


def _time(text: str) -> str:
    return "Never" if text == "never" else text


def _cores(thousandths: int) -> str:
    cores = Decimal(thousandths) / 1000
    return str(int(cores)) if cores == int(cores) else f"{thousandths}m"


def _millicores(text: str) -> int:
    return millicores(text) if text else 0


def _bytes(text: str) -> int:
    return bytes_of(text) if text else 0
