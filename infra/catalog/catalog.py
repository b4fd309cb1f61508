"""The catalog as it is asked: which types there are, which fit, where they are offered and what they cost."""

from collections.abc import Collection, Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from infra.catalog import files
from infra.catalog.files import Capacity, Offerings, Prices, Source, Zone
from infra.catalog.names import UnknownNameError
from infra.catalog.shapes import InstanceType

_REFRESH = "renew it with `slipway catalog refresh`"


class Catalog:
    """Instance types, zones and prices from the files of one folder; each file is read when it is first needed.

    Args:
        folder: With `types.csv` and the others.
    """

    def __init__(self, folder: Path = files.DATA) -> None:
        self.folder = folder
        self._offerings: dict[str, Offerings] = {}
        self._prices: dict[str, Prices] = {}

    @staticmethod
    def load(folder: Path = files.DATA) -> "Catalog":
        """The catalog of a folder, the same one each time."""
        return _loaded(folder)

    @cached_property
    def types(self) -> dict[str, InstanceType]:
        """Every type by name, by family and from small to large."""
        return files.read_types(self.folder)

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Every family, in alphabetical order."""
        return tuple(sorted({each.family for each in self.types.values()}))

    @cached_property
    def gpu_models(self) -> tuple[str, ...]:
        """Every model of accelerator; where AWS sells one with two amounts of memory, `a100-80gb` and the like too."""
        return tuple(sorted({name for each in self.types.values() for name in self._models(each)}))

    @cached_property
    def regions(self) -> tuple[str, ...]:
        """Every region whose zones are known; not all have prices."""
        return tuple(self._zones)

    @cached_property
    def priced_regions(self) -> tuple[str, ...]:
        """The regions of which prices are known."""
        return tuple(each for each in self.regions if self._prices_of(each))

    @cached_property
    def sources(self) -> dict[str, tuple[Source, ...]]:
        """For each file, where its figures came from."""
        sources, taken, _ = files.read_sources(self.folder)
        return {file: tuple(sources[name] for name in names) for file, names in taken.items()}

    def type(self, name: str) -> InstanceType:
        """One instance type.

        Raises:
            UnknownNameError: There is none of this name.
        """
        return self.types[_known("instance type", name, self.types, hint=_REFRESH)]

    def find(self, name: str) -> tuple[InstanceType, ...]:
        """The types that a person means by a type, a family or a GPU model.

        Raises:
            UnknownNameError: It is none of these.
        """
        name = name.lower()
        _known("type, family or GPU model", name, {*self.types, *self.families, *self.gpu_models})
        return tuple(t for t in self.types.values() if name in {t.name, t.family, *self._models(t)})

    def zones(self, region: str) -> tuple[Zone, ...]:
        """The availability zones of a region.

        Raises:
            UnknownNameError: Nothing is known of the region.
        """
        return self._zones[self._region(region)]

    def offered(self, name: str, region: str) -> tuple[str, ...]:
        """Names of the zones of a region that offer a type.

        Raises:
            UnknownNameError: There is no such type, or nothing is known of the region.
        """
        if self._region(region) not in self._offerings:
            self._offerings[region] = files.read_offerings(self.folder, region)
        return self._offerings[region].get(self.type(name).name, ())

    def select(
        self,
        *,
        families: Collection[str] = (),
        sizes: Collection[str] = (),
        gpu_models: Collection[str] = (),
        gpu_count: int | None = None,
        architectures: Collection[str] = (),
        min_vcpus: int = 0,
        max_vcpus: int | None = None,
        region: str = "",
    ) -> tuple[InstanceType, ...]:
        """The types that fit everything that is asked; what is left out does not matter.

        Accelerated types come only when a family, a model or a count asks for them, burstable ones when their family
        does, and a part of a GPU when its family does.

        Args:
            families: Such as `m7i`.
            sizes: Such as `xlarge`.
            gpu_models: Such as `l4`.
            gpu_count: Accelerators of the instance, exactly; 0 for none.
            architectures: `amd64` or `arm64`.
            min_vcpus: The fewest processors.
            max_vcpus: The most.
            region: Offered in at least one of its zones.

        Raises:
            UnknownNameError: Something that is asked for does not exist at all.
        """
        every = self.types.values()
        wanted = (
            _all_known("instance family", families, self.families),
            _all_known("instance size", sizes, {each.size for each in every}),
            _all_known("architecture", architectures, {each.architecture for each in every}),
        )
        models = _all_known("GPU model", gpu_models, self.gpu_models)

        def fits(each: InstanceType) -> bool:
            given = zip((each.family, each.size, each.architecture), wanted, strict=True)
            return (
                all(not asked or value in asked for value, asked in given)
                and (bool(families) or not each.burstable)
                and self._accelerated(each, models, gpu_count, named=bool(families))
                and min_vcpus <= each.vcpus <= (each.vcpus if max_vcpus is None else max_vcpus)
                and (not region or bool(self.offered(each.name, region)))
            )

        return tuple(each for each in every if fits(each))

    def price(self, name: str, region: str, zone: str | None = None, capacity: Capacity = "on-demand") -> float | None:
        """USD per hour of one instance with Linux; None where no source tells, or where the zone does not offer it.

        A spot price without a zone is the region's where there is one, else the lowest of its zones. A source that
        gives one spot price for a region gives it for each zone.

        Raises:
            UnknownNameError: There is no such type, region or zone.
        """
        offered = self.offered(name, region)
        if zone is not None:
            _known(f"zone of {region}", zone, {each.name for each in self.zones(region)})
            if zone not in offered:
                return None
        prices = self._prices_of(region)
        exact = prices.get((name, capacity, zone or ""), prices.get((name, capacity, "")))
        if exact is None and zone is None:
            exact = min(
                (usd for (kind, how, _), usd in prices.items() if (kind, how) == (name, capacity)), default=None
            )
        return None if exact is None else float(exact)

    def prices_json(self, region: str) -> dict[str, Any]:
        """What is known of a region's prices, as the local AWS endpoint reads it.

        Returns:
            `{"region": …, "on_demand": {type: USD per hour}, "spot": {type: {zone: USD per hour}}}`; a type without
            a known price is left out.

        Raises:
            UnknownNameError: Nothing is known of the region.
        """
        on_demand: dict[str, float] = {}
        spot: dict[str, dict[str, float]] = {}
        for name in self.types:
            usd = self.price(name, region)
            if usd is not None:
                on_demand[name] = usd
            for zone in self.offered(name, region):
                usd = self.price(name, region, zone, "spot")
                if usd is not None:
                    spot.setdefault(name, {})[zone] = usd
        return {"region": region, "on_demand": on_demand, "spot": spot}

    @cached_property
    def _zones(self) -> dict[str, tuple[Zone, ...]]:
        return files.read_zones(self.folder)

    @cached_property
    def _memories(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for each in self.types.values():
            if each.accelerator and each.accelerator.fraction == 1:
                found.setdefault(each.accelerator.model, set()).add(each.accelerator.memory_bytes)
        return found

    def _models(self, instance: InstanceType) -> tuple[str, ...]:
        has = instance.accelerator
        if has is None:
            return ()
        several = len(self._memories.get(has.model, ())) > 1
        return (has.model, f"{has.model}-{has.memory_bytes >> 30}gb") if several else (has.model,)

    def _accelerated(self, each: InstanceType, models: Collection[str], count: int | None, *, named: bool) -> bool:
        has = each.accelerator
        if has is None:
            return not models and not count
        if not (named or models or count) or (has.fraction < 1 and not named):
            return False
        return (not models or any(name in models for name in self._models(each))) and count in {None, has.count}

    def _prices_of(self, region: str) -> Prices:
        if region not in self._prices:
            self._prices[region] = files.read_prices(self.folder, region)
        return self._prices[region]

    def _region(self, region: str) -> str:
        return _known("region", region, self._zones, hint=f"add it with `slipway catalog refresh {region}`")


@lru_cache
def _loaded(folder: Path) -> Catalog:
    return Catalog(folder)


def _all_known(kind: str, names: Iterable[str], known: Collection[str]) -> frozenset[str]:
    return frozenset(_known(kind, name, known) for name in names)


def _known(kind: str, name: str, known: Collection[str], *, hint: str = "") -> str:
    if name not in known:
        raise UnknownNameError(kind, name, known, hint=hint)
    return name
