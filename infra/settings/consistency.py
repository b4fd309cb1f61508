"""What sections say of each other. Each check reads a few sections, and is made where none of them is at fault itself.

What is impossible is refused here; what is merely unwise is a policy's, so that a drill can still run it.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from infra.settings.cluster import EksCluster
from infra.settings.faults import Finding
from infra.settings.models import Serving
from infra.settings.network import block_of
from infra.settings.quantities import bytes_of
from infra.settings.schema import Settings
from infra.settings.wording import Where, listed, shown

_IN_AWS = ("slipway:network", "slipway:stores", "slipway:registry", "slipway:budget")


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        of: The keys of the sections it reads.
        find: What is wrong.
    """

    of: frozenset[str]
    find: Callable[[Settings], Iterator[Finding]]


def findings(settings: Settings, faulty: Collection[str] = ()) -> Iterator[Finding]:
    """Everything that does not go together.

    Args:
        settings: The sections that are right in themselves.
        faulty: The keys of those that are not, and are left out.
    """
    for check in CHECKS:
        if check.of.isdisjoint(faulty):
            yield from check.find(settings)


def _at(key: str, *below: str | int) -> Where:
    return ("config", key, *below)


def _models_have_a_cluster(settings: Settings) -> Iterator[Finding]:
    if settings.models and settings.cluster is None:
        what = "is missing; slipway:models are deployed to it: name one that exists (`context`), or have EKS make one"
        yield Finding(_at("slipway:cluster"), what)


def _what_a_model_serves_goes_together(settings: Settings) -> Iterator[Finding]:
    for name, model in settings.models.items():
        serving, at = model.serving, ("slipway:models", name, "serving")
        if model.server != "slipway-kit" and serving != Serving():
            yield Finding(
                _at(*at), f"is slipway-kit's, and this model's `server` is {model.server}; take one of them out"
            )
        if serving.queue < serving.max_batch:
            what = f"is {serving.queue}; a full batch ({serving.max_batch}) has to fit: take `max-batch` or more"
            yield Finding(_at(*at, "queue"), what)
        if bytes_of(serving.queue_memory) < bytes_of(serving.largest_request):
            what = f"is {serving.queue_memory}; the largest request ({serving.largest_request}) has to fit"
            yield Finding(_at(*at, "queue-memory"), what)


def _what_is_in_aws_has_owner_and_place(settings: Settings) -> Iterator[Finding]:
    sections = {
        "slipway:network": settings.network,
        "slipway:cluster": settings.cluster if isinstance(settings.cluster, EksCluster) else None,
        "slipway:stores": settings.stores,
        "slipway:registry": settings.registry,
        "slipway:budget": settings.budget,
    }
    given = [key for key, section in sections.items() if section is not None]
    if given and settings.tags is None:
        yield Finding(
            _at("slipway:tags"), f"is missing; what {listed(given)} makes carries its `owner` and `cost-center`"
        )
    if given and not settings.region:
        yield Finding(_at("aws:region"), f"is missing; {listed(given)} is in one, such as us-east-1")
    if given and settings.account is None:
        count = len(settings.allowed_account_ids) or "no"
        what = f"names {count} accounts; {listed(given)} is in exactly one, written in quotes"
        yield Finding(_at("aws:allowedAccountIds"), what)


def _eks_has_a_network(settings: Settings) -> Iterator[Finding]:
    if not isinstance(settings.cluster, EksCluster):
        return
    if settings.network is None:
        yield Finding(_at("slipway:network"), "is missing; the cluster that EKS makes (slipway:cluster) is in it")
        return
    services, network = settings.cluster.services_cidr, settings.network.cidr
    if block_of(services).overlaps(block_of(network)):
        what = f"{services} overlaps {network} (slipway:network.cidr), from which pods have their addresses"
        yield Finding(_at("slipway:cluster", "services-cidr"), what)
    if (
        settings.network.nat == "none"
        and settings.cluster.endpoint.public_from
        and not settings.cluster.endpoint.private
    ):
        yield Finding(
            _at("slipway:cluster", "endpoint", "private"),
            "is false, and without NAT (slipway:network.nat) no node reaches the public endpoint; write true",
        )


def _endpoint_is_somewhere(settings: Settings) -> Iterator[Finding]:
    cluster = settings.cluster
    if isinstance(cluster, EksCluster) and not cluster.endpoint.private and not cluster.endpoint.public_from:
        what = "is false, and `public-from` is empty: nothing would reach the cluster; write true, or addresses"
        yield Finding(_at("slipway:cluster", "endpoint", "private"), what)


def _zones_are_of_the_region(settings: Settings) -> Iterator[Finding]:
    if settings.network is None or not settings.region:
        return
    for index, zone in enumerate(settings.network.zones):
        if zone[:-1] != settings.region:
            what = f"{shown(zone)} is not in {settings.region} (aws:region); write one such as {settings.region}a"
            yield Finding(_at("slipway:network", "zones", index), what)


def _a_closed_network_has_endpoints(settings: Settings) -> Iterator[Finding]:
    network = settings.network
    if network is not None and network.nat == "none" and not network.private_endpoints:
        what = "is false, and there is no NAT (`nat: none`): nodes would reach nothing; write true, or another `nat`"
        yield Finding(_at("slipway:network", "private-endpoints"), what)


CHECKS = (
    Check(frozenset({"slipway:models", "slipway:cluster"}), _models_have_a_cluster),
    Check(frozenset({"slipway:models"}), _what_a_model_serves_goes_together),
    Check(
        frozenset({*_IN_AWS, "slipway:cluster", "slipway:tags", "aws:region", "aws:allowedAccountIds"}),
        _what_is_in_aws_has_owner_and_place,
    ),
    Check(frozenset({"slipway:cluster", "slipway:network"}), _eks_has_a_network),
    Check(frozenset({"slipway:cluster"}), _endpoint_is_somewhere),
    Check(frozenset({"slipway:network", "aws:region"}), _zones_are_of_the_region),
    Check(frozenset({"slipway:network"}), _a_closed_network_has_endpoints),
)
"""All of them, in no particular order: faults are told in that of the file."""
