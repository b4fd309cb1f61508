"""Instance types and catalogs for tests."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from infra.catalog import Catalog, InstanceType, Source, Zone, files

PLAIN = InstanceType(
    name="m7i.large",
    architecture="amd64",
    vcpus=2,
    memory_bytes=8 * 2**30,
    accelerator=None,
    network_gbps=0.781,
    network_interfaces=3,
    ipv4_per_interface=10,
    nvme_bytes=0,
    hypervisor="nitro",
    burstable=False,
)


def instance(name: str, **changed: Any) -> InstanceType:
    return replace(PLAIN, name=name, **changed)


def catalog_of(
    folder: Path, offered: Mapping[str, tuple[str, ...]], prices: Mapping[tuple[str, str, str], str]
) -> Catalog:
    """A catalog of one region with three zones."""
    types = {name: instance(name) for name in offered}
    contents = {
        files.TYPES: files.types_text(types.values()),
        files.ZONES: files.zones_text({"us-east-1": [Zone(f"us-east-1{z}", f"use1-az{z}") for z in "abc"]}),
        files.offerings_file("us-east-1"): files.offerings_text(offered, types),
        files.prices_file("us-east-1"): files.prices_text({key: Decimal(usd) for key, usd in prices.items()}, types),
    }
    sources = {"test": Source("a test", "https://example.com", "2026-01-01", "Apache-2.0", "all")}
    contents[files.SOURCES] = files.sources_text(sources, dict.fromkeys(contents, ("test",)), contents)
    for name, content in contents.items():
        (folder / name).write_text(content)
    return Catalog(folder)
