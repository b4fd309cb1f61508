"""Which instance types a pool may buy, out of the catalog; and where none are left, which condition took the last."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from infra.capacity.names import ARCHITECTURE, INSTANCE_FAMILY, INSTANCE_SIZE, INSTANCE_TYPE, OS
from infra.capacity.specs import Requirement
from infra.catalog import Catalog, InstanceType, UnknownNameError
from infra.settings.capacity import Instances
from infra.settings.wording import Where, listed

_ALL_ROUND = frozenset("cmr")
_OLDEST = 6
_FEW = 3


@dataclass(frozen=True)
class Condition:
    """One thing that is asked of a type.

    Attributes:
        key: Where it is in `instances`; empty where nothing is written.
        what: What it asks, for a sentence: "families m7i".
        fits: Whether a type does.
    """

    key: Where
    what: str
    fits: Callable[[InstanceType], bool]


def unknown(instances: Instances, catalog: Catalog) -> Iterator[tuple[Where, str]]:
    """Names that the catalog does not have, with what was probably meant."""
    kinds: tuple[tuple[Where, str, tuple[str, ...], frozenset[str]], ...] = (
        (("families",), "instance family", instances.families, frozenset(catalog.families)),
        (("sizes",), "instance size", instances.sizes, frozenset(each.size for each in catalog.types.values())),
        (("exclude",), "type or family", instances.exclude, frozenset([*catalog.types, *catalog.families])),
        (
            ("gpu", "models"),
            "GPU model",
            instances.gpu.models if instances.gpu else (),
            frozenset(catalog.gpu_models),
        ),
    )
    for key, kind, names, known in kinds:
        for index, name in enumerate(names):
            if name not in known:
                yield (*key, index), str(UnknownNameError(kind, name, known))


def select(instances: Instances, catalog: Catalog, region: str) -> tuple[InstanceType, ...]:
    """The types that fit everything, by family and from small to large. All names in it must be known."""
    asked = conditions(instances, catalog, region)
    return tuple(each for each in catalog.types.values() if all(one.fits(each) for one in asked))


def emptied(instances: Instances, catalog: Catalog, region: str) -> tuple[Where, str] | None:
    """The condition that takes the last type away, and which types it takes; None where some are left."""
    left = list(catalog.types.values())
    for condition in conditions(instances, catalog, region):
        fitting = [each for each in left if condition.fits(each)]
        if not fitting:
            names = listed(each.name for each in left[:_FEW])
            more = f" and {len(left) - _FEW} more" if len(left) > _FEW else ""
            return condition.key, f"leaves no instance type: {condition.what} takes away the last ones, {names}{more}"
        left = fitting
    return None


def conditions(instances: Instances, catalog: Catalog, region: str) -> list[Condition]:
    """What is asked of a type, the widest first."""
    asked = [_offered(catalog, region)] if region in catalog.regions else []
    named, gpu = instances.families, instances.gpu
    if gpu:
        models = {each.name for name in gpu.models for each in catalog.find(name)}
        asked.append(Condition(("gpu", "models"), f"models {listed(gpu.models)}", lambda each: each.name in models))
    if gpu and gpu.count:
        asked.append(Condition(("gpu", "count"), f"count {gpu.count}", lambda each: _count(each) == gpu.count))
    if named:
        asked.append(Condition(("families",), f"families {listed(named)}", lambda each: each.family in named))
    else:
        asked.append(
            Condition((), "what is taken when no family is named", lambda each: _sensible(each, gpu=bool(gpu)))
        )
    if not gpu:
        asked.append(Condition(("families",), "no gpu", lambda each: each.accelerator is None))
    if instances.generations:
        known = listed(map(str, instances.generations))
        asked.append(
            Condition(("generations",), f"generations {known}", lambda each: each.generation in instances.generations)
        )
    architectures = instances.architectures
    asked.append(
        Condition(
            ("architectures",),
            f"architectures {listed(architectures)}",
            lambda each: each.architecture in architectures,
        )
    )
    if instances.sizes:
        asked.append(
            Condition(("sizes",), f"sizes {listed(instances.sizes)}", lambda each: each.size in instances.sizes)
        )
    if instances.exclude:
        without = instances.exclude
        asked.append(
            Condition(
                ("exclude",), f"exclude {listed(without)}", lambda each: not {each.name, each.family} & {*without}
            )
        )
    return asked


def requirements(types: tuple[InstanceType, ...], catalog: Catalog) -> tuple[Requirement, ...]:
    """What admits these types and none of the catalog's others: few and wide keys, or the types by name.

    Accelerated types are named: a family has members with one GPU and with eight, and their prices differ as much.
    """
    families, sizes = _sorted(each.family for each in types), _sorted(each.size for each in types)
    architectures = _sorted(each.architecture for each in types)
    base = (
        Requirement(key=OS, operator="In", values=("linux",)),
        Requirement(key=ARCHITECTURE, operator="In", values=architectures),
    )
    chosen = {each.name for each in types}
    others = [
        each.name
        for each in catalog.types.values()
        if each.family in families and each.size in sizes and each.name not in chosen
    ]
    if any(each.accelerator for each in types) or len(others) >= len(types):
        return (*base, Requirement(key=INSTANCE_TYPE, operator="In", values=tuple(each.name for each in types)))
    excluded = (Requirement(key=INSTANCE_TYPE, operator="NotIn", values=tuple(others)),) if others else ()
    return (
        *base,
        Requirement(key=INSTANCE_FAMILY, operator="In", values=families),
        Requirement(key=INSTANCE_SIZE, operator="In", values=sizes),
        *excluded,
    )


def _offered(catalog: Catalog, region: str) -> Condition:
    return Condition((), f"region {region}", lambda each: bool(catalog.offered(each.name, region)))


def _sensible(each: InstanceType, *, gpu: bool) -> bool:
    """No part of a GPU; without accelerators, of a recent generation and a kind whose processors are not rationed."""
    if each.accelerator is not None:
        return each.accelerator.fraction == 1
    return not gpu and each.generation >= _OLDEST and each.family[0] in _ALL_ROUND


def _count(each: InstanceType) -> int:
    return each.accelerator.count if each.accelerator else 0


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
