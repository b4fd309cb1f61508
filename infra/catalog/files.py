"""The files of the catalog: CSV that a review can read, and one list of where every file came from.

`types.csv` and `zones.csv` are for all regions; `offerings-REGION.csv` and `prices-REGION.csv` for one. A price file
has a row for each type, capacity and zone; without a zone, the price holds for the whole region. A region without a
price file, or a type without a row, has no known price.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeAlias

from infra.catalog.shapes import MIB, Accelerator, InstanceType

DATA = Path(__file__).with_name("data")
"""The folder with the catalog's own files."""
TYPES, ZONES, SOURCES = "types.csv", "zones.csv", "sources.json"

Capacity: TypeAlias = Literal["on-demand", "spot"]
Offerings: TypeAlias = Mapping[str, tuple[str, ...]]
"""For each type, the names of the zones that offer it."""
Prices: TypeAlias = Mapping[tuple[str, str, str], Decimal]
"""USD per hour by type, capacity and zone; the zone is empty where the price holds for the region."""


@dataclass(frozen=True, slots=True)
class Zone:
    """An availability zone.

    Attributes:
        name: As the account that was asked calls it: accounts give different names to one zone.
        id: The same for everybody: `use1-az6`.
    """

    name: str
    id: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures came from.

    Attributes:
        title: Its name and version.
        url: Where it is.
        date: The day of the figures, ISO 8601.
        licence: SPDX, or under which terms AWS publishes them.
        facts: What was taken from it.
    """

    title: str
    url: str
    date: str
    licence: str
    facts: str


def offerings_file(region: str) -> str:
    """The name of a region's file of offerings."""
    return f"offerings-{region}.csv"


def prices_file(region: str) -> str:
    """The name of a region's file of prices."""
    return f"prices-{region}.csv"


def types_text(types: Iterable[InstanceType]) -> str:
    """`types.csv`."""
    return _text(_COLUMNS, ([column(each) for column in _COLUMNS.values()] for each in sorted(types, key=in_order)))


def read_types(folder: Path) -> dict[str, InstanceType]:
    """The types by name, in the order of the file."""
    return {row["type"]: _type(row) for row in _rows(folder / TYPES)}


def zones_text(zones: Mapping[str, Iterable[Zone]]) -> str:
    """`zones.csv`."""
    rows = ((region, zone.name, zone.id) for region in sorted(zones) for zone in sorted(zones[region], key=_name))
    return _text(("region", "zone", "zone_id"), rows)


def read_zones(folder: Path) -> dict[str, tuple[Zone, ...]]:
    """The zones by region."""
    found: dict[str, tuple[Zone, ...]] = {}
    for row in _rows(folder / ZONES):
        found[row["region"]] = (*found.get(row["region"], ()), Zone(row["zone"], row["zone_id"]))
    return found


def offerings_text(offerings: Offerings, types: Mapping[str, InstanceType]) -> str:
    """`offerings-REGION.csv`."""
    names = sorted(offerings, key=lambda name: in_order(types[name]))
    return _text(("type", "zones"), ((name, " ".join(sorted(offerings[name]))) for name in names))


def read_offerings(folder: Path, region: str) -> Offerings:
    """Which zones offer a type; empty when nothing is known of the region."""
    return {row["type"]: tuple(row["zones"].split()) for row in _rows(folder / offerings_file(region))}


def prices_text(prices: Prices, types: Mapping[str, InstanceType]) -> str:
    """`prices-REGION.csv`."""
    keys = sorted(prices, key=lambda key: (in_order(types[key[0]]), key))
    return _text(("type", "capacity", "zone", "usd_per_hour"), ((*key, _plain(prices[key])) for key in keys))


def read_prices(folder: Path, region: str) -> Prices:
    """The prices of a region; empty when none are known."""
    rows = _rows(folder / prices_file(region))
    return {(row["type"], row["capacity"], row["zone"]): Decimal(row["usd_per_hour"]) for row in rows}


def sources_text(sources: Mapping[str, Source], taken: Mapping[str, Iterable[str]], contents: Mapping[str, str]) -> str:
    """`sources.json`.

    Args:
        sources: By a short name.
        taken: For each file, the names of its sources.
        contents: What each file says; its SHA-256 is put down, so that a change by hand shows.
    """
    files = {name: {"sha256": digest(contents[name]), "sources": list(taken[name])} for name in sorted(contents)}
    used = {name for names in taken.values() for name in names}
    told = {name: asdict(source) for name, source in sorted(sources.items()) if name in used}
    return json.dumps({"files": files, "sources": told}, indent=2, ensure_ascii=False) + "\n"


def read_sources(folder: Path) -> tuple[dict[str, Source], dict[str, tuple[str, ...]], dict[str, str]]:
    """The sources by name; for each file the names of its sources; for each file its SHA-256."""
    found: dict[str, Any] = json.loads((folder / SOURCES).read_text())
    return (
        {name: Source(**source) for name, source in found["sources"].items()},
        {name: tuple(file["sources"]) for name, file in found["files"].items()},
        {name: file["sha256"] for name, file in found["files"].items()},
    )


def digest(content: str) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    return hashlib.sha256(content.encode()).hexdigest()


def in_order(instance: InstanceType) -> tuple[str, int, int, str]:
    """Sorts types by family, and smaller before larger."""
    return instance.family, instance.vcpus, instance.memory_bytes, instance.name


_COLUMNS: dict[str, Callable[[InstanceType], object]] = {
    "type": lambda t: t.name,
    "arch": lambda t: t.architecture,
    "vcpus": lambda t: t.vcpus,
    "memory_mib": lambda t: t.memory_bytes // MIB,
    "accelerator": lambda t: t.accelerator.model if t.accelerator else "",
    "accelerators": lambda t: t.accelerator.count if t.accelerator else "",
    "accelerator_memory_mib": lambda t: t.accelerator.memory_bytes // MIB if t.accelerator else "",
    "accelerator_fraction": lambda t: f"{t.accelerator.fraction:g}" if t.accelerator else "",
    "accelerator_vendor": lambda t: t.accelerator.vendor if t.accelerator else "",
    "network_gbps": lambda t: f"{t.network_gbps:g}",
    "enis": lambda t: t.network_interfaces,
    "ipv4_per_eni": lambda t: t.ipv4_per_interface,
    "nvme_gb": lambda t: t.nvme_bytes // 10**9,
    "hypervisor": lambda t: t.hypervisor,
    "burstable": lambda t: "yes" if t.burstable else "no",
}


def _type(row: Mapping[str, str]) -> InstanceType:
    return InstanceType(
        name=row["type"],
        architecture="arm64" if row["arch"] == "arm64" else "amd64",
        vcpus=int(row["vcpus"]),
        memory_bytes=int(row["memory_mib"]) * MIB,
        accelerator=_accelerator(row) if row["accelerator"] else None,
        network_gbps=float(row["network_gbps"]),
        network_interfaces=int(row["enis"]),
        ipv4_per_interface=int(row["ipv4_per_eni"]),
        nvme_bytes=int(row["nvme_gb"]) * 10**9,
        hypervisor=row["hypervisor"],
        burstable=row["burstable"] == "yes",
    )


def _accelerator(row: Mapping[str, str]) -> Accelerator:
    return Accelerator(
        model=row["accelerator"],
        count=int(row["accelerators"]),
        memory_bytes=int(row["accelerator_memory_mib"]) * MIB,
        fraction=float(row["accelerator_fraction"]),
        vendor="aws" if row["accelerator_vendor"] == "aws" else "nvidia",
    )


def _rows(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def _text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def _name(zone: Zone) -> str:
    return zone.name
