"""What is impossible in `slipway:capacity`, in its zones and its models, as far as only the catalog can tell.

What is unwise is none of these: it is for the policy pack, so that a drill can still run it.
"""

from collections.abc import Callable, Iterator, Mapping

from infra.capacity import zones
from infra.capacity.mixes import nearest, ratio
from infra.capacity.planning import node_pool_names, ratio_of, remaining
from infra.capacity.selection import emptied, select, unknown
from infra.catalog import Catalog, InstanceType, allocatable
from infra.settings import Settings, SettingsError
from infra.settings.capacity import Limits, Pool
from infra.settings.cluster import EksCluster
from infra.settings.faults import Fault, Finding
from infra.settings.models import Model
from infra.settings.quantities import bytes_of, millicores
from infra.settings.wording import Where, listed, named, near

DAEMON_MILLICORES, DAEMON_BYTES = 200, 256 * 2**20
"""What the daemons of every node ask for: vpc-cni 50m, kube-proxy 100m, EBS CSI 30m and 120Mi; rounded up."""
_CAPACITY, _MODELS = ("config", "slipway:capacity"), ("config", "slipway:models")


def check(settings: Settings, catalog: Catalog) -> list[Finding]:
    """Everything that is impossible, each with its place; nothing when all of it can be planned.

    Args:
        settings: A stack that its schema accepts.
        catalog: What is sold.
    """
    return [
        *_foundation(settings),
        *zones.findings(settings, catalog),
        *_names(settings.capacity),
        *(
            Finding((*_CAPACITY, name, *where), what)
            for name, pool in settings.capacity.items()
            for where, what in _pool(pool, settings, catalog)
        ),
        *(
            Finding((*_MODELS, name, *where), what)
            for name, model in settings.models.items()
            for where, what in _model(model, settings, catalog)
        ),
    ]


def faults(settings: Settings, catalog: Catalog) -> list[Fault]:
    """The same as a person reads it, for where the file itself is not at hand, and so no lines are."""
    return [Fault(named(each.where), each.what) for each in check(settings, catalog)]


def refuse(settings: Settings, catalog: Catalog, *, stack: str) -> None:
    """Stop before anything is registered, where something cannot be.

    Raises:
        SettingsError: With everything that is wrong.
    """
    found = faults(settings, catalog)
    if found:
        raise SettingsError(f"stacks/Pulumi.{stack}.yaml", found)


def _foundation(settings: Settings) -> Iterator[Finding]:
    if settings.capacity and not isinstance(settings.cluster, EksCluster):
        yield Finding(_CAPACITY, "buys nodes, and there is no cluster for them; slipway:cluster makes one with `name`")


def _names(pools: Mapping[str, Pool]) -> Iterator[Finding]:
    """Pools whose NodePools would have one name."""
    taken: dict[str, str] = {}
    for name, pool in pools.items():
        for called in node_pool_names(name, pool.mix):
            if called in taken:
                what = f"makes a NodePool {called}, which is one of {taken[called]}'s as well; give it another name"
                yield Finding((*_CAPACITY, name), what)
            taken.setdefault(called, name)


def _pool(pool: Pool, settings: Settings, catalog: Catalog) -> Iterator[tuple[Where, str]]:
    region = settings.region
    names = [((*("instances", *where),), what) for where, what in unknown(pool.instances, catalog)]
    yield from names
    yield from _ratio(pool)
    if names:
        return
    gone = emptied(pool.instances, catalog, region)
    if gone:
        yield ("instances", *gone[0]), gone[1]
        return
    types = select(pool.instances, catalog, region)
    resources = sorted({each.accelerator.resource for each in types if each.accelerator})
    if len(resources) > 1 or (resources and any(each.accelerator is None for each in types)):
        yield (
            ("instances",),
            "takes in different kinds of accelerators, or types without; a pod asks for one kind: make a pool for each",
        )
        return
    unsold = zones.unsold(types, settings, catalog)
    if unsold:
        yield ("instances",), unsold
    yield from _limits(pool, types, resources[0] if resources else "")


def _ratio(pool: Pool) -> Iterator[tuple[Where, str]]:
    shares = pool.mix.shares
    if len(shares) == 2 and ratio(shares["on-demand"]) is None:
        near_it = nearest(shares["on-demand"])
        what = (
            f"cannot hold {shares['on-demand']}% on-demand: of at most 20 equal parts, none comes within half a point; "
            f"the nearest is {{on-demand: {near_it}%, spot: {100 - near_it}%}}"
        )
        yield ("mix",), what


def _limits(pool: Pool, types: tuple[InstanceType, ...], accelerator: str) -> Iterator[tuple[Where, str]]:
    mix, limits = pool.mix, pool.limits
    for where, given in (((), limits), (("mix", "committed"), mix.committed)):
        if given and given.gpus and not accelerator:
            yield (*(where or ("limits",)), "gpus"), "limits accelerators, and no type of the pool has any"
            return
    if mix.committed:
        for key, of in _MEASURES.items():
            paid = getattr(mix.committed, key)
            if paid and getattr(limits, key) and of(paid) >= of(getattr(limits, key)):
                most = getattr(limits, key)
                yield ("mix", "committed", key), f"is {paid}, and limits.{key} is {most}; nothing is left for `then`"
                return
    smallest = {
        "cpu": min(each.vcpus for each in types) * 1000,
        "memory": min(each.memory_bytes for each in types),
        "gpus": min(each.accelerator.count if each.accelerator else 0 for each in types),
    }
    yield from _too_tight(pool, smallest)


def _too_tight(pool: Pool, smallest: Mapping[str, int]) -> Iterator[tuple[Where, str]]:
    """Limits that keep Karpenter from buying even the fewest nodes that the mix needs."""
    parts, mix = ratio_of(pool.mix), pool.mix
    if len(mix.shares) == 2 and parts is None:
        return
    needed = [(parts.on_demand, parts.parts), (parts.spot, parts.parts)] if parts else [(1, 1)]
    given: list[tuple[Where, Limits]] = [
        (("limits",), remaining(pool.limits, mix.committed) if mix.committed else pool.limits)
    ]
    if mix.committed:
        given.append((("mix", "committed"), mix.committed))
    for where, limits in given:
        for key, of in _MEASURES.items():
            written = getattr(limits, key)
            if written and any(of(written) * part // of_parts < part * smallest[key] for part, of_parts in needed):
                least = _amount(key, smallest[key])
                nodes = f"{parts.parts} nodes, one for each part of the mix," if parts else "one node"
                yield (*where, key), f"is too little for {nodes} of the smallest type, which has {least}"


def _model(model: Model, settings: Settings, catalog: Catalog) -> Iterator[tuple[Where, str]]:
    pools = settings.capacity
    if not pools and model.pool:
        yield ("pool",), f"is {model.pool}, and the stack has no slipway:capacity; take it out, or add the pool"
    if not pools:
        if model.resources.gpus:
            yield ("resources", "gpus"), "asks for accelerators, which only nodes of a pool of slipway:capacity have"
        return
    serving = [name for name, pool in pools.items() if "serving" in pool.purposes]
    accepted = f"the pools for serving are {listed(serving)}" if serving else "no pool is for serving"
    if model.pool not in pools:
        written = f"is {model.pool!r}, and there is no such pool; {near(model.pool, serving)}" if model.pool else ""
        yield ("pool",), f"{written or 'is missing; '}{accepted}"
        return
    pool = pools[model.pool]
    if "serving" not in pool.purposes:
        yield ("pool",), f"is {model.pool}, which is for {listed(pool.purposes)}; {accepted}"
    if not (any(unknown(pool.instances, catalog)) or emptied(pool.instances, catalog, settings.region)):
        yield from _fits(model, select(pool.instances, catalog, settings.region))


def _fits(model: Model, types: tuple[InstanceType, ...]) -> Iterator[tuple[Where, str]]:
    asked = model.resources
    most = max(each.accelerator.count if each.accelerator else 0 for each in types)
    if asked.gpus > most:
        has = f"its nodes have {most} at most" if most else "its nodes have none"
        yield ("resources", "gpus"), f"is {asked.gpus}, and the pool is {model.pool}: {has}"
        return
    if not any(_room(each, model) for each in types):
        large = max(types, key=lambda each: (each.accelerator.count if each.accelerator else 0, each.memory_bytes))
        room = allocatable(large)
        what = (
            f"fits on no type of the pool {model.pool}: the largest, {large.name}, has room for "
            f"{room.millicores - DAEMON_MILLICORES}m of processor and "
            f"{(room.memory_bytes - DAEMON_BYTES) // 2**20}Mi of memory beside its daemons"
        )
        yield ("resources",), what


def _room(each: InstanceType, model: Model) -> bool:
    room, asked = allocatable(each), model.resources
    return (
        millicores(asked.cpu) + DAEMON_MILLICORES <= room.millicores
        and bytes_of(asked.memory) + DAEMON_BYTES <= room.memory_bytes
        and asked.gpus <= room.accelerators
    )


def _amount(key: str, amount: int) -> str:
    match key:
        case "cpu":
            return f"{amount // 1000} processors"
        case "memory":
            return f"{amount // 2**20}Mi of memory"
    return f"{amount} accelerators"


_MEASURES: Mapping[str, Callable[[str | int], int]] = {
    "cpu": lambda text: millicores(str(text)),
    "memory": lambda text: bytes_of(str(text)),
    "gpus": int,
}
"""What of a limit is compared, in whole units."""
