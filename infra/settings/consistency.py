"""What sections say of each other. Each check reads a few sections, and is made where none of them is at fault itself.

What is impossible is refused here; what is merely unwise is a policy's, so that a drill can still run it.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from zoneinfo import available_timezones

from infra.caching import IN_CLUSTER
from infra.settings.aws import queues_of
from infra.settings.cluster import NAMESPACE, EksCluster
from infra.settings.faults import Finding
from infra.settings.models import Serving
from infra.settings.network import block_of
from infra.settings.quantities import bytes_of
from infra.settings.schema import Settings
from infra.settings.wording import Where, listed, near, shown

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


def _what_stands_around_a_model_goes_together(settings: Settings) -> Iterator[Finding]:
    for name, model in settings.models.items():
        serving, at = model.serving, ("slipway:models", name, "serving")
        if "cached" in serving.fallback and not (serving.cache and serving.cache.memory):
            what = "names `cached`, and old answers are kept in memory; write `cache: {memory: 32Mi}`, or take it out"
            yield Finding(_at(*at, "fallback"), what)
        if serving.breaker and not serving.fallback:
            what = (
                "leaves a model that fails alone, and nobody answers in its place; write `fallback`, or take this out"
            )
            yield Finding(_at(*at, "breaker"), what)


def _what_is_reviewed_has_a_queue(settings: Settings) -> Iterator[Finding]:
    reviews = {name: model.serving.review for name, model in settings.models.items() if model.serving.review}
    if settings.cluster is None or not reviews:
        return
    is_made = isinstance(settings.cluster, EksCluster)
    if not settings.region and not is_made:  # with EKS, it is missing for more than this
        what = f"is missing; SQS (slipway:models.{next(iter(reviews))}.serving.review) is in one, such as us-east-1"
        yield Finding(_at("aws:region"), what)
    for name, review in reviews.items():
        at = _at("slipway:models", name, "serving", "review")
        if review.queue is None and not is_made:
            what = "names no `queue`, and one is only made where EKS makes the cluster; write the URL of yours"
            yield Finding(at, what)
        elif review.queue and is_made and settings.region and settings.account:
            ours = queues_of(settings.region, settings.account)
            if not re.fullmatch(rf"{re.escape(ours)}[A-Za-z0-9_-]{{1,80}}", review.queue):
                what = (
                    f"{shown(review.queue)} is not a queue of this account and region ({ours}NAME), and the model's "
                    "role may send to no other; write one, or take `queue` out: the model then has one of its own"
                )
                yield Finding((*at, "queue"), what)


def _what_scales_can_scale(settings: Settings) -> Iterator[Finding]:
    for name, model in settings.models.items():
        scaling, serving, at = model.scaling, model.serving, ("slipway:models", name, "scaling")
        if scaling is None:
            continue
        if "replicas" in model.model_fields_set:
            what = "is written beside `scaling`, which decides it; take `replicas` out, or `scaling`"
            yield Finding(_at("slipway:models", name, "replicas"), what)
        if model.server != "slipway-kit":
            what = f"is measured by slipway-kit, and this model's `server` is {model.server}; write cpu instead"
            of_the_kit = {"in-flight": scaling.in_flight, "queue-wait": scaling.queue_wait}
            yield from (Finding(_at(*at, key), what) for key, value in of_the_kit.items() if value)
        most = serving.queue + serving.max_batch * serving.concurrency
        if scaling.in_flight and scaling.in_flight > most:
            what = f"is {scaling.in_flight}, and a replica has {most} in hand at most (its queue and batches), so that "
            yield Finding(_at(*at, "in-flight"), what + "it would never scale; write less")
        if scaling.queue_wait and scaling.queue_wait >= serving.objective:
            what = (
                f"is {scaling.queue_wait}, and what waits for {serving.objective} ms (`objective`) is refused, so that "
            )
            yield Finding(_at(*at, "queue-wait"), what + "it would never scale; write a part of that")
        if scaling.min == 0 and settings.gateway is None:
            what = "is 0, and only a gateway would notice that somebody asks; write 1 or more, or add slipway:gateway"
            yield Finding(_at(*at, "min"), what)
        if scaling.without_metrics and not scaling.min <= scaling.without_metrics <= scaling.max:
            what = f"is {scaling.without_metrics}; write {scaling.min} to {scaling.max} (`min` and `max`)"
            yield Finding(_at(*at, "without-metrics"), what)
        zones = available_timezones() if scaling.schedule else ()  # files are read; there may be none
        for index, window in enumerate(scaling.schedule):
            if not scaling.min < window.min <= scaling.max:
                what = f"is {window.min}; write more than `min` ({scaling.min}), and `max` ({scaling.max}) at most"
                yield Finding(_at(*at, "schedule", index, "min"), what)
            if zones and window.timezone not in zones:
                hint = near(window.timezone, zones)
                what = f"{shown(window.timezone)} is no time zone of the IANA's; {hint}write one such as Europe/Berlin"
                yield Finding(_at(*at, "schedule", index, "timezone"), what)


def _clients_can_come(settings: Settings) -> Iterator[Finding]:
    gateway = settings.gateway
    if gateway is not None and settings.cluster is None:
        yield Finding(_at("slipway:cluster"), "is missing; slipway:gateway is in it")
    paths: dict[str, str] = {}
    for name, model in settings.models.items():
        at = ("slipway:models", name, "route")
        if gateway is None:
            if "route" in model.model_fields_set:
                what = "is a way through the gateway, and the stack has none; write slipway:gateway, or take it out"
                yield Finding(_at(*at), what)
            continue
        if not model.route.open and gateway.keys is None and gateway.tokens is None:
            what = f"says neither `keys` nor `tokens`, so that nobody could ask {name}; write one of them, or let "
            yield Finding(_at("slipway:gateway"), f"{what}anybody in (`route: {{open: true}}`)")
        if (whose := name.removesuffix("-tokens")) != name and whose in settings.models:
            what = f"is what the route for tokens of slipway:models.{whose} is called; write another name"
            yield Finding(_at("slipway:models", name), what)
        path = model.route.path or f"/{name}"
        if path in paths:
            what = f"{shown(path)} is the path of slipway:models.{paths[path]}, too; write another one"
            yield Finding(_at(*at, "path") if model.route.path else _at(*at), what)
        paths.setdefault(path, name)
        timeout, objective = model.route.timeout, model.serving.objective
        if timeout is not None and timeout < objective:
            what = f"is {timeout}, and the model has {objective} ms (`objective`) to answer; write that or more"
            yield Finding(_at(*at, "timeout"), what)


def _what_is_shared_is_somewhere(settings: Settings) -> Iterator[Finding]:
    if settings.cache is not None and settings.cluster is None:
        yield Finding(_at("slipway:cluster"), "is missing; slipway:cache is in it")
    for name, model in settings.models.items():
        kept = model.serving.cache
        if kept is not None and kept.shared == IN_CLUSTER and settings.cache is None:
            what = "is that of slipway:cache, which is missing; write `slipway:cache: {}`, or the URL of a Redis"
            yield Finding(_at("slipway:models", name, "serving", "cache", "shared"), what)


def _a_namespace_of_their_own_is_for_models_alone(settings: Settings) -> Iterator[Finding]:
    given = {"slipway:gateway": settings.gateway is not None, "slipway:cache": settings.cache is not None}
    given |= {f"slipway:models.{name}.scaling": bool(model.scaling) for name, model in settings.models.items()}
    if settings.namespace != NAMESPACE and any(given.values()):
        what = f"is {shown(settings.namespace)}, and {listed([key for key, is_given in given.items() if is_given])} "
        where = _at("slipway:cluster", "namespace")
        yield Finding(where, f"{what}is only known to work with models in {NAMESPACE}; take one of them out")


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
    Check(frozenset({"slipway:models"}), _what_stands_around_a_model_goes_together),
    Check(
        frozenset({"slipway:models", "slipway:cluster", "aws:region", "aws:allowedAccountIds"}),
        _what_is_reviewed_has_a_queue,
    ),
    Check(frozenset({"slipway:models", "slipway:gateway"}), _what_scales_can_scale),
    Check(frozenset({"slipway:models", "slipway:cluster", "slipway:gateway"}), _clients_can_come),
    Check(frozenset({"slipway:models", "slipway:cluster", "slipway:cache"}), _what_is_shared_is_somewhere),
    Check(
        frozenset({"slipway:models", "slipway:cluster", "slipway:gateway", "slipway:cache"}),
        _a_namespace_of_their_own_is_for_models_alone,
    ),
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
