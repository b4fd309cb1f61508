"""What only the catalog can tell of zones: whether there is one, whether EKS takes it, what is sold in it.

Accounts give different names to one zone (https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html):
what is said here holds for the account that the catalog was read from, and each sentence names the remedy.
"""

from collections.abc import Iterator

from infra.catalog import Catalog, InstanceType
from infra.settings import Settings
from infra.settings.cluster import EksCluster
from infra.settings.faults import Finding
from infra.settings.wording import listed

WITHOUT_CLUSTERS = frozenset({"cac1-az3", "use1-az3", "usw1-az2"})
"""Ids of zones in which no subnet of a cluster can be (https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html)."""
_REMEDY = "names of zones differ between accounts: `slipway catalog refresh` reads those of yours"
_FEW = 3


def findings(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    """Zones of the network that are none, or that EKS makes no cluster in; nothing where the region is not known."""
    network, region = settings.network, settings.region
    if network is None or region not in catalog.regions:
        return
    ids = {each.name: each.id for each in catalog.zones(region)}
    for index, zone in enumerate(network.zones):
        where = ("config", "slipway:network", "zones", index)
        if zone.startswith(region) and zone not in ids:
            yield Finding(where, f"is {zone}, which {region} does not have: it has {listed(ids)}; {_REMEDY}")
        if isinstance(settings.cluster, EksCluster) and ids.get(zone) in WITHOUT_CLUSTERS:
            takes = listed(name for name, each in ids.items() if each not in WITHOUT_CLUSTERS)
            yield Finding(where, f"is {zone} ({ids[zone]}), in which EKS has no clusters; take of {takes}; {_REMEDY}")


def unsold(types: tuple[InstanceType, ...], settings: Settings, catalog: Catalog) -> str:
    """What is wrong where no type is offered in any zone of the network; empty where one is, or nobody knows."""
    network, region = settings.network, settings.region
    if network is None or region not in catalog.regions:
        return ""
    if any({*catalog.offered(each.name, region)} & {*network.zones} for each in types):
        return ""
    names, zones = listed(each.name for each in types[:_FEW]), listed(network.zones)
    more = f" and {len(types) - _FEW} more" if len(types) > _FEW else ""
    somewhere = sorted({zone for each in types for zone in catalog.offered(each.name, region)})
    return (
        f"takes in {names}{more}, of which none is offered in {zones} (slipway:network.zones), but in "
        f"{listed(somewhere)}; {_REMEDY}"
    )
