"""What is to be done about the fleet now: the difference between the instances and the Nodes. Pure.

A Node passes: joined (Karpenter's taint and startup taints on it) → GPUs registered → startup taints gone, each when
its owner would have taken it away → its instance ends: the kubelet falls silent, Kubernetes itself finds it NotReady,
and the cloud controller deletes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from slipway.embedded.fleet.delays import Delays
from slipway.embedded.fleet.planning import (
    CLUSTER,
    FAKE,
    MARK,
    REGISTERED,
    Bought,
    Manifest,
    node,
    startup_taints,
)
from slipway.embedded.fleet.sizing import GPU, GPU_STARTUP, InstanceType, gpus

_ENDED = frozenset({"terminated", ""})
"""States in which the cloud controller takes an instance for gone: it is not listed, or is terminated.

https://github.com/kubernetes/cloud-provider-aws/blob/master/pkg/providers/v1/aws.go (InstanceExistsByProviderID)
"""


@dataclass(frozen=True)
class Join:
    """A kubelet registers."""

    node: Manifest
    instance: str


@dataclass(frozen=True)
class Untaint:
    """The owners of startup taints take them away.

    Attributes:
        name: The Node.
        version: Its `resourceVersion`: the list of taints is replaced as a whole, and others change it as well.
        left: The taints that stay.
        gone: Keys of those that go.
    """

    name: str
    version: str
    left: list[Manifest]
    gone: list[str]


@dataclass(frozen=True)
class Register:
    """A device plugin registers its devices."""

    name: str
    devices: dict[str, str]


@dataclass(frozen=True)
class Plug:
    """A kubelet falls silent as its instance ends or stops, or speaks again."""

    name: str
    alive: bool


@dataclass(frozen=True)
class Remove:
    """The cloud controller deletes a Node that is NotReady and whose instance is gone."""

    name: str
    uid: str


Action = Join | Untaint | Register | Plug | Remove


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen in one round.

    Attributes:
        cluster: The EKS cluster's name.
        instances: The cluster's instances, ended ones included.
        nodes: Every Node.
        claims: NodeClaims by the providerID they have.
        groups: Managed node groups by name.
        types: Instance types by name.
        daemons: The pod templates of every DaemonSet, as text.
        joined: Instances that have had a Node: a kubelet registers once in its life.
    """

    cluster: str
    instances: Iterable[Bought]
    nodes: Iterable[Manifest]
    claims: Mapping[str, Manifest] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    types: Mapping[str, InstanceType] = field(default_factory=dict)
    daemons: str = ""
    joined: frozenset[str] = frozenset()


def decide(seen: Seen, delays: Delays, now: datetime) -> list[Action]:
    """Everything that is due now; an empty list when nothing is."""
    instances = {each.provider_id: each for each in seen.instances}
    nodes = list(seen.nodes)
    there = {_provider_id(each) for each in nodes} | {each["metadata"]["name"] for each in nodes}
    actions: list[Action] = [
        Join(_node(each, seen), each.id)
        for each in instances.values()
        if each.id not in seen.joined
        and not {each.provider_id, each.name} & there
        and _may_join(each, seen)
        and now >= each.launched + delays.boot(seen.types[each.type])
    ]
    for each in nodes:
        provider_id = _provider_id(each)
        if each["metadata"].get("annotations", {}).get(CLUSTER) == seen.cluster:
            instance = instances.get(provider_id)
            if instance is not None and instance.state == "running":
                actions += _of_running(each, instance, seen, delays, now)
            else:
                actions += _of_ended(each, instance.state if instance is not None else "")
    return actions


def _node(instance: Bought, seen: Seen) -> Manifest:
    claim, group = seen.claims.get(instance.provider_id), seen.groups.get(instance.group)
    return node(instance, seen.types[instance.type], cluster=seen.cluster, claim=claim, group=group)


def _may_join(instance: Bought, seen: Seen) -> bool:
    """Whether it runs, and everything is known that its user data would tell kubelet."""
    if instance.state != "running" or instance.type not in seen.types:
        return False
    if instance.claimed:
        claim = seen.claims.get(instance.provider_id)
        return claim is not None and "deletionTimestamp" not in claim["metadata"]
    return not instance.group or instance.group in seen.groups


def _of_running(each: Manifest, instance: Bought, seen: Seen, delays: Delays, now: datetime) -> list[Action]:
    name = each["metadata"]["name"]
    if not _alive(each):
        return [Plug(name, alive=True)]
    claim = seen.claims.get(instance.provider_id)
    if not _ready(each) or (instance.claimed and each["metadata"]["labels"].get(REGISTERED) != "true"):
        return []  # an agent starts on a Ready node; and until registration, Karpenter puts startup taints back
    age, kind = now - _created(each), seen.types.get(instance.type)
    if kind is not None and gpus(kind) and not _has_gpus(each):
        due = age >= delays.scaled(delays.device_plugin)
        return [Register(name, {GPU: str(gpus(kind))})] if due else []
    taints = each["spec"].get("taints") or []
    awaited = startup_taints(claim, frozenset({*delays.startup, GPU_STARTUP}))
    going = [taint for taint in taints if taint["key"] in awaited and _due(taint["key"], age, seen, delays)]
    if not going:
        return []
    left = [taint for taint in taints if taint not in going]
    return [Untaint(name, each["metadata"]["resourceVersion"], left, sorted(taint["key"] for taint in going))]


def _due(key: str, age: timedelta, seen: Seen, delays: Delays) -> bool:
    """Whether a startup taint's owner has taken it away by now; one that is about GPUs waits for them first."""
    delay = delays.untaint(key, named=key in seen.daemons)
    first = delays.scaled(delays.device_plugin) if key == GPU_STARTUP else timedelta()
    return delay is not None and age >= first + delay


def _of_ended(each: Manifest, state: str) -> list[Action]:
    if _alive(each):
        return [Plug(each["metadata"]["name"], alive=False)]
    if state in _ENDED and not _ready(each) and "deletionTimestamp" not in each["metadata"]:
        return [Remove(each["metadata"]["name"], each["metadata"]["uid"])]
    return []


def _has_gpus(each: Manifest) -> bool:
    return str(each["status"].get("allocatable", {}).get(GPU, "0")) != "0"


def _provider_id(each: Manifest) -> str:
    return str(each.get("spec", {}).get("providerID") or "")


def _alive(each: Manifest) -> bool:
    return bool(each["metadata"].get("labels", {}).get(MARK) == FAKE)


def _ready(each: Manifest) -> bool:
    conditions = each.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _created(each: Manifest) -> datetime:
    at = each["metadata"]["creationTimestamp"]
    return at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
