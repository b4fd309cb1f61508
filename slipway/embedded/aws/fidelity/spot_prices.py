"""Spot price history comes from the table of prices.

moto 5.2 answers one constant price of 2006 for everything. EC2 answers the prices in force, by type and zone, paged.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSpotPriceHistory.html

Karpenter ranks spot offerings by it; what has no price there is not an offering. Here the history has one entry for
each type and zone: the price now.
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES
from moto.ec2.responses.spot_instances import SpotInstances

from slipway.embedded.aws.fidelity import prices
from slipway.embedded.aws.fidelity.amending import replace
from slipway.embedded.aws.fidelity.paging import page

PRODUCT = "Linux/UNIX"
_ALSO_CALLED = {PRODUCT, "Linux/UNIX (Amazon VPC)"}


def amend() -> None:
    """Amend moto in this process."""

    def describe_spot_price_history(self: Any) -> ActionResult:
        wanted: dict[str, list[str]] = {
            "instance-type": self._get_param("InstanceTypes", []),
            "availability-zone": [zone] if (zone := self._get_param("AvailabilityZone")) else [],
            "product-description": self._get_param("ProductDescriptions", []),
        }
        history = _history(self.region, [*wanted.items(), *self._filters_from_querystring().items()])
        part, token = page(history, self._get_param("MaxResults", 1000), self._get_param("NextToken"))
        return ActionResult({"SpotPriceHistory": part, "NextToken": token or ""})

    replace(SpotInstances, "describe_spot_price_history", describe_spot_price_history)


def _history(region: str, wanted: list[tuple[str, list[str]]]) -> list[dict[str, Any]]:
    held, now = prices.current(), utcnow()
    entries = []
    for offering in INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, []):
        name, zone = offering["InstanceType"], offering["Location"]
        price = held.spot(name, zone)
        if price is None or "spot" not in INSTANCE_TYPES.get(name, {}).get("SupportedUsageClasses", []):
            continue
        names = {
            "instance-type": {name},
            "availability-zone": {zone},
            "product-description": _ALSO_CALLED,
            "spot-price": {f"{price:.6f}"},
        }
        if all(not values or names.get(key, set()) & set(values) for key, values in wanted):
            entries.append(
                {
                    "InstanceType": name,
                    "AvailabilityZone": zone,
                    "ProductDescription": PRODUCT,
                    "SpotPrice": f"{price:.6f}",
                    "Timestamp": now,
                }
            )
    return sorted(entries, key=lambda entry: (entry["InstanceType"], entry["AvailabilityZone"]))
