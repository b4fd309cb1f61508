"""What EC2 capacity costs here, in USD per hour: a table that comes from outside, never one that is made up.

The table is a JSON file, named by the environment variable `SLIPWAY_PRICES`:

    {"on_demand": {"m7i.large": 0.1008},
     "spot": {"m7i.large": 0.0421, "g6.xlarge": {"us-east-1a": 0.31, "us-east-1b": 0.28}}}

A spot price that is given once for a type differs a little from zone to zone, the same way each time. Without the
file no type has a spot price, and what chooses by price falls back to the number of vCPUs, then memory.

A journal that is replayed must meet the prices under which it was written: `PUT /slipway/prices` with the table's JSON
makes it part of the journal, and from then on it holds instead of the file.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from slipway.embedded.aws.variables import PRICES as FILE_VARIABLE
from slipway.errors import InstanceError

ZONAL_VARIATION = 0.05
"""How far a spot price may be, in either direction, from the one that is given for all zones."""


class Prices(Protocol):
    """What EC2 capacity costs; None where it is not offered or not known."""

    def on_demand(self, instance_type: str) -> float | None:
        """USD per hour."""

    def spot(self, instance_type: str, zone: str) -> float | None:
        """USD per hour."""


@dataclass(frozen=True)
class PriceTable:
    """Prices as data.

    Attributes:
        on_demand_prices: USD per hour by instance type.
        spot_prices: USD per hour by instance type, for all zones or by zone.
    """

    on_demand_prices: Mapping[str, float] = field(default_factory=dict)
    spot_prices: Mapping[str, float | Mapping[str, float]] = field(default_factory=dict)

    def on_demand(self, instance_type: str) -> float | None:
        """USD per hour."""
        return self.on_demand_prices.get(instance_type)

    def spot(self, instance_type: str, zone: str) -> float | None:
        """USD per hour."""
        price = self.spot_prices.get(instance_type)
        if price is None or isinstance(price, Mapping):
            return price.get(zone) if price else None
        digest = hashlib.sha256(f"{instance_type}/{zone}".encode()).digest()
        share = int.from_bytes(digest[:4], "big") / 0xFFFFFFFF  # from 0 to 1
        return round(price * (1 + ZONAL_VARIATION * (2 * share - 1)), 6)


def table_of(document: Any) -> PriceTable:
    """The table in a JSON document.

    Raises:
        ValueError: It is not one.
    """
    if not isinstance(document, dict) or not set(document) <= {"on_demand", "spot"}:
        raise ValueError("a price table is an object with `on_demand` and `spot`")
    on_demand, spot = document.get("on_demand", {}), document.get("spot", {})
    for name, price in [*on_demand.items(), *spot.items()]:
        zonal = price.values() if isinstance(price, dict) else [price]
        if not all(isinstance(one, int | float) and one > 0 for one in zonal):
            raise ValueError(f"{name}: a price is a number of USD per hour above 0")
    return PriceTable(on_demand, spot)


_told: list[Prices] = []


def current() -> Prices:
    """The prices that hold now.

    Raises:
        InstanceError: The file that is named does not exist or is not a price table.
    """
    if _told:
        return _told[-1]
    file = os.environ.get(FILE_VARIABLE)
    return _read(file, Path(file).stat().st_mtime_ns if Path(file).exists() else 0) if file else PriceTable()


def tell(prices: Prices | None) -> None:
    """Let these prices hold instead of the file's; None goes back to the file."""
    _told[:] = [] if prices is None else [prices]


@lru_cache(maxsize=1)
def _read(file: str, _changed: int) -> PriceTable:
    try:
        return table_of(json.loads(Path(file).read_text()))
    except (OSError, ValueError) as error:
        raise InstanceError(f"{FILE_VARIABLE}={file}: {error}") from error
