"""What the catalog has of some types, for a person and for scripts."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from infra.catalog import Catalog, InstanceType, Source, UnknownNameError, allocatable, files
from slipway.catalog.faults import CatalogError


@dataclass(frozen=True)
class Listing:
    """What the catalog has of some types in one region; units are in the names, prices in USD per hour."""

    region: str
    rows: tuple[dict[str, Any], ...]
    sources: tuple[Source, ...]

    def table(self) -> Group:
        """The listing as a person reads it, with where the figures are from and of which day."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("type", no_wrap=True)
        for name in ("vCPU", "GiB", "accelerator", "pods", "for pods", "on-demand", "spot"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("zones", no_wrap=True)
        for row in self.rows:
            table.add_row(*_cells(row, self.region))
        # A row stays one line, also where the terminal or the pipe is narrower.
        table.width = Console(width=1000).measure(table).maximum
        lines = [Text(f"{each.title}, {each.date}: {each.facts} ({each.licence})", "dim") for each in self.sources]
        if all(row["on_demand_usd"] is None and row["spot_usd"] is None for row in self.rows):
            text = f"No price is known for {self.region}; with an account: slipway catalog refresh {self.region}"
            lines.append(Text(text, "yellow"))
        return Group(Text(f"{self.region}, USD per hour, Linux", "bold"), table, *lines)


def show(names: Iterable[str], region: str = "", *, catalog: Catalog | None = None) -> Listing:
    """Look types, families or GPU models up.

    Args:
        names: Such as `m7i.large`, `g6` or `l40s`.
        region: Whose zones and prices; by default the first that has prices.
        catalog: By default this checkout's.

    Raises:
        CatalogError: A name or the region is unknown.
    """
    catalog = catalog or Catalog.load()
    region = region or (catalog.priced_regions or catalog.regions)[0]
    try:
        found = dict.fromkeys(each for name in names for each in catalog.find(name))
        rows = tuple(_row(each, region, catalog) for each in found)
    except UnknownNameError as error:
        raise CatalogError(str(error)) from error
    used = (files.TYPES, files.offerings_file(region), files.prices_file(region))
    sources = dict.fromkeys(source for file in used for source in catalog.sources.get(file, ()))
    return Listing(region, rows, tuple(sources))


def _row(instance: InstanceType, region: str, catalog: Catalog) -> dict[str, Any]:
    left = allocatable(instance)
    return {
        "type": instance.name,
        "architecture": instance.architecture,
        "vcpus": instance.vcpus,
        "memory_bytes": instance.memory_bytes,
        "accelerator": asdict(instance.accelerator) if instance.accelerator else None,
        "network_gbps": instance.network_gbps,
        "nvme_bytes": instance.nvme_bytes,
        "max_pods": instance.max_pods,
        "allocatable": asdict(left),
        "burstable": instance.burstable,
        "zones": catalog.offered(instance.name, region),
        "on_demand_usd": catalog.price(instance.name, region),
        "spot_usd": catalog.price(instance.name, region, capacity="spot"),
    }


def _cells(row: Mapping[str, Any], region: str) -> list[str]:
    has, left = row["accelerator"], row["allocatable"]
    part = f"{has['fraction']:g} " if has and has["fraction"] < 1 else ""
    return [
        f"{row['type']}{' burstable' if row['burstable'] else ''}",
        str(row["vcpus"]),
        f"{row['memory_bytes'] / 2**30:g}",
        f"{has['count']} × {part}{has['model']}" if has else "–",
        str(row["max_pods"]),
        f"{left['millicores'] / 1000:.2f} {left['memory_bytes'] / 2**30:.1f}Gi",
        *("?" if row[key] is None else f"{row[key]:.4f}" for key in ("on_demand_usd", "spot_usd")),
        "".join(zone.removeprefix(region) for zone in row["zones"]) or "none",
    ]
