"""What AWS says of a region: DescribeInstanceTypes, …TypeOfferings, …AvailabilityZones, …SpotPriceHistory, GetProducts.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html and
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html. It only reads, and
none of these calls is billed.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from infra.catalog import Accelerator, InstanceType, Zone
from infra.catalog.families import carried
from slipway.addresses import is_this_machine
from slipway.catalog.faults import CatalogError

ACTIONS = (
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeSpotPriceHistory",
    "pricing:GetProducts",
)
"""What the account that is asked must allow."""
# The price list is served from few regions, and tells of all: https://docs.aws.amazon.com/general/latest/gr/billing.html
_PRICE_LIST_REGION = "us-east-1"
_LINUX_SHARED = {
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
_MIB, _GB = 2**20, 10**9


@dataclass(frozen=True)
class Answers:
    """What AWS said of one region: types, zones, the zones that offer each type, and prices."""

    types: dict[str, InstanceType]
    zones: tuple[Zone, ...]
    offerings: dict[str, tuple[str, ...]]
    prices: dict[tuple[str, str, str], Decimal]


def ask(region: str, session: Any) -> Answers:
    """Ask AWS about one region."""
    ec2 = session.client("ec2", region_name=region)
    _refuse_emulator(ec2)
    types = {each.name: each for each in map(shape, _pages(ec2, "describe_instance_types", "InstanceTypes")) if each}
    zones = tuple(
        Zone(each["ZoneName"], each["ZoneId"])
        for each in ec2.describe_availability_zones()["AvailabilityZones"]
        if each.get("ZoneType") == "availability-zone"
    )
    offerings: dict[str, tuple[str, ...]] = {}
    for each in _pages(
        ec2, "describe_instance_type_offerings", "InstanceTypeOfferings", LocationType="availability-zone"
    ):
        if each["InstanceType"] in types and each["Location"] in {zone.name for zone in zones}:
            name = each["InstanceType"]
            offerings[name] = tuple(sorted({*offerings.get(name, ()), each["Location"]}))
    pricing = session.client("pricing", region_name=_PRICE_LIST_REGION)
    prices = {**_on_demand(pricing, region, types), **_spot(ec2, offerings)}
    return Answers(types, zones, offerings, prices)


def shape(info: Mapping[str, Any]) -> InstanceType | None:
    """An instance type as the catalog keeps it, from an answer of DescribeInstanceTypes; None for one it leaves out."""
    name: str = info["InstanceType"]
    if not carried(name):
        return None
    network = info["NetworkInfo"]
    card = network["NetworkCards"][network.get("DefaultNetworkCardIndex", 0)]
    storage = info.get("InstanceStorageInfo", {})
    return InstanceType(
        name=name,
        architecture="arm64" if "arm64" in info["ProcessorInfo"]["SupportedArchitectures"] else "amd64",
        vcpus=info["VCpuInfo"]["DefaultVCpus"],
        memory_bytes=info["MemoryInfo"]["SizeInMiB"] * _MIB,
        accelerator=_accelerator(info),
        network_gbps=_sustained(network),
        network_interfaces=card["MaximumNetworkInterfaces"],
        ipv4_per_interface=network["Ipv4AddressesPerInterface"],
        nvme_bytes=storage.get("TotalSizeInGB", 0) * _GB if storage.get("NvmeSupport") != "unsupported" else 0,
        hypervisor=info.get("Hypervisor", "nitro"),
        burstable=info.get("BurstablePerformanceSupported", False),
    )


def _accelerator(info: Mapping[str, Any]) -> Accelerator | None:
    for gpu in info.get("GpuInfo", {}).get("Gpus", ()):
        # A part of a GPU is counted as none by `Count`, and as one by `LogicalGpuCount`.
        return Accelerator(
            model=_label(gpu["Name"]),
            count=gpu.get("LogicalGpuCount") or gpu["Count"],
            memory_bytes=gpu["MemoryInfo"]["SizeInMiB"] * _MIB,
            fraction=gpu.get("GpuPartitionSize", 1.0),
        )
    for device in info.get("NeuronInfo", {}).get("NeuronDevices", ()):
        memory = device["MemoryInfo"]["SizeInMiB"] * _MIB
        return Accelerator(_label(device["Name"]), device["Count"], memory, vendor="aws")
    return None


def _label(name: str) -> str:
    return name.lower().replace(" ", "-")


def _sustained(network: Mapping[str, Any]) -> float:
    # "400 Gigabit" is sustained. Of "Up to 10 Gigabit" it is the baseline; cards that share one uplink each state all
    # of it, so that their sum would be too much, but only where the text is definite.
    found = re.match(r"([0-9.]+) Gigabit", network.get("NetworkPerformance", ""))
    return float(found[1]) if found else float(sum(c["BaselineBandwidthInGbps"] for c in network["NetworkCards"]))


def _on_demand(pricing: Any, region: str, types: Iterable[str]) -> dict[tuple[str, str, str], Decimal]:
    filters = [
        {"Type": "TERM_MATCH", "Field": k, "Value": v} for k, v in {"regionCode": region, **_LINUX_SHARED}.items()
    ]
    known, found = set(types), {}
    for text in _pages(pricing, "get_products", "PriceList", ServiceCode="AmazonEC2", Filters=filters):
        product = json.loads(text)
        name = product["product"]["attributes"].get("instanceType", "")
        for term in product.get("terms", {}).get("OnDemand", {}).values():
            for dimension in term["priceDimensions"].values():
                usd = Decimal(dimension["pricePerUnit"].get("USD", "0"))
                if name in known and dimension["unit"] == "Hrs" and usd > 0:
                    found[name, "on-demand", ""] = usd
    return found


def _spot(ec2: Any, offerings: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, str, str], Decimal]:
    latest: dict[tuple[str, str, str], tuple[datetime, Decimal]] = {}
    now = datetime.now(tz=UTC)  # from now on: only the price that holds, of each type and zone
    for each in _pages(
        ec2, "describe_spot_price_history", "SpotPriceHistory", ProductDescriptions=["Linux/UNIX"], StartTime=now
    ):
        name, zone = each["InstanceType"], each["AvailabilityZone"]
        key, price = (name, "spot", zone), (each["Timestamp"], Decimal(each["SpotPrice"]))
        if zone in offerings.get(name, ()) and price[1] > 0 and (key not in latest or latest[key][0] < price[0]):
            latest[key] = price
    return {key: usd for key, (_, usd) in latest.items()}


def _pages(client: Any, operation: str, key: str, **asked: Any) -> Iterable[Any]:
    for page in client.get_paginator(operation).paginate(**asked):
        yield from page[key]


def _refuse_emulator(client: Any) -> None:
    if is_this_machine(client.meta.endpoint_url):
        raise CatalogError(
            f"the AWS endpoint is {client.meta.endpoint_url}: this machine, not AWS",
            remedy="unset AWS_ENDPOINT_URL, or take `endpoint_url` out of the profile",
        )
