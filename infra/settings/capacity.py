"""The pools of nodes that a stack buys: for what, of which instances, in which mix, within which limits.

What only the instance catalog can tell, such as a family that nobody sells, is refused by `infra.capacity.checking`.
https://karpenter.sh/docs/concepts/nodepools/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from infra.settings.amounts import Cpu, Memory
from infra.settings.section import Absent, Section
from infra.settings.texts import filled, matching, written
from infra.settings.wording import listed, near, shown

Purpose = Literal["system", "serving", "batch", "training"]
"""What a pool is for; also the order in which a pod of one may take the place of another's."""
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
Capacity = Literal["on-demand", "spot"]
Architecture = Literal["amd64", "arm64"]
Reason = Literal["empty", "underutilized", "drifted"]

_NAME = r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"
_PERCENT = r"(?:100|[1-9][0-9]?)%"
_DURATION = r"(?:[1-9][0-9]{0,5}[smh]){1,3}"
_DURATION_OR_NEVER = rf"(?:{_DURATION}|never)"
_WINDOW = r"(?:[1-9][0-9]{0,4}h(?:[1-9][0-9]?m)?|[1-9][0-9]{0,4}m)"
_NODES = r"(?:(?:100|[0-9]{1,2})%|[0-9]{1,5})"
_CRON = r"(?:@(?:annually|yearly|monthly|weekly|daily|midnight|hourly)|[0-9*,/A-Za-z-]+(?: [0-9*,/A-Za-z-]+){4})"
_RESERVATION = r"cr-[0-9a-z]{1,40}"
# Karpenter takes 30 characters of an alias.
_AMI = r"(?:al2023@(?:v[0-9]{8}|latest)|bottlerocket@(?:v?[0-9]{1,3}(?:\.[0-9]{1,3}){2}|latest))"
_SIZE = r"(?:[1-9][0-9]{0,3}Gi|[1-9]Ti)"
_LABEL_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL_KEY = rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,200}}[a-z0-9])?/)?{_LABEL_PART}"
_TAKEN_DOMAINS = ("kubernetes.io", "k8s.io", "karpenter.sh", "karpenter.k8s.aws", "slipway.dev", "nvidia.com")


def _nodes(value: Any) -> Any:
    """YAML reads `2` as a number; Karpenter wants text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _purposes(value: Any) -> tuple[Purpose, ...]:
    given = list(value) if isinstance(value, list | tuple) else [value]
    for each in given:
        if each not in PURPOSES:
            hint = near(each, PURPOSES) if isinstance(each, str) else ""
            msg = f"{shown(each)} is no purpose; {hint}write {listed(PURPOSES)}, or a list of them"
            raise ValueError(msg)
    if not given:
        msg = f"is an empty list; write {listed(PURPOSES)}, or a list of them"
        raise ValueError(msg)
    if len({*given}) < len(given) or ("system" in given and len(given) > 1):
        msg = f"is {listed(given)}; name a purpose once, and system alone: its nodes carry what all others need"
        raise ValueError(msg)
    return tuple(given)


def _free_label(key: str) -> str:
    domain = key.partition("/")[0] if "/" in key else ""
    if not re.fullmatch(_LABEL_KEY, key, re.ASCII):
        msg = f"{shown(key)} cannot be a label's name; write one such as team, or example.com/team"
        raise ValueError(msg)
    if any(domain == taken or domain.endswith(f".{taken}") for taken in _TAKEN_DOMAINS):
        msg = f"{shown(key)} is in a domain that Kubernetes, Karpenter or Slipway sets itself; use one of your own"
        raise ValueError(msg)
    return key


@dataclass(frozen=True)
class Reservations:
    """Capacity reservations of the account (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations).

    Attributes:
        ids: Such as `cr-0abc`.
        tags: Tags that a reservation must all have; with ids, there are none.
    """

    ids: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def _reservations(value: Any) -> Reservations:
    if isinstance(value, Reservations):
        return value
    if isinstance(value, dict):
        return Reservations(tags=_reservation_tags(value))
    ids = value if isinstance(value, list) else [value]
    wrong = next((each for each in ids if not (isinstance(each, str) and re.fullmatch(_RESERVATION, each))), None)
    if wrong is not None or not ids or value is None:
        what = "is an empty list" if not ids else f"{shown(wrong)} is not a capacity reservation"
        msg = f"{what}; write its id, such as cr-0123456789abcdef0, a list of ids, or {{tags: {{name: value}}}}"
        raise ValueError(msg)
    return Reservations(ids=tuple(ids))


def _reservation_tags(value: Mapping[str, Any]) -> dict[str, str]:
    tags = value.get("tags") if set(value) == {"tags"} else None
    if not isinstance(tags, dict) or not tags or not all(isinstance(each, str) and each for each in tags.values()):
        msg = "names no reservation; write {tags: {name: value}} with at least one tag, or ids"
        raise ValueError(msg)
    return {str(key): str(each) for key, each in tags.items()}


_RESERVED_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": f"^{_RESERVATION}$"},
        {"type": "array", "items": {"type": "string", "pattern": f"^{_RESERVATION}$"}, "minItems": 1},
        {
            "type": "object",
            "properties": {
                "tags": {
                    "type": "object",
                    "additionalProperties": {"type": "string", "minLength": 1},
                    "minProperties": 1,
                }
            },
            "required": ["tags"],
            "additionalProperties": False,
        },
    ]
}
_FOR_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"enum": list(PURPOSES)},
        {"type": "array", "items": {"enum": list(PURPOSES)}, "minItems": 1, "uniqueItems": True},
    ]
}

PoolName = Annotated[
    str,
    matching(_NAME, "a pool's name; use at most 40 lower-case letters, digits and dashes, a letter first"),
    written(_NAME),
]
_FILLED = filled("write at least one, or take the key out")
Percent = Annotated[str, matching(_PERCENT, "a share; write 1% to 100%, or leave it out"), written(_PERCENT)]
Duration = Annotated[
    str, matching(_DURATION, "a time; write it with units, such as 90s, 15m or 1h30m"), written(_DURATION)
]
DurationOrNever = Annotated[
    str,
    matching(_DURATION_OR_NEVER, "a time; write it with units, such as 15m or 720h, or never"),
    written(_DURATION_OR_NEVER),
]
Nodes = Annotated[
    str,
    BeforeValidator(_nodes),
    matching(_NODES, "a number of nodes or a share of them; write 2, or 10%"),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^{_NODES}$"}, {"type": "integer", "minimum": 0, "maximum": 99999}]}
    ),
]
Gpus = Annotated[int, Field(ge=1, le=100_000, strict=True)]


class Gpu(Section):
    """Accelerators that every node of the pool has."""

    models: Annotated[tuple[str, ...], _FILLED, Field(json_schema_extra={"minItems": 1})]
    """Models as Karpenter names them: l4, l40s, a10g, h100."""
    count: Annotated[Annotated[int, Field(ge=1, le=16, strict=True)] | None, Absent()] = None
    """How many each node has, exactly; any number when left out."""


class Instances(Section):
    """Which types the pool may buy: those that fit everything that is given. Never bare metal."""

    families: Annotated[tuple[str, ...], _FILLED, Field(json_schema_extra={"minItems": 1})] = ()
    """Such as m7i, c7a. Without it: all of kind c, m and r from generation 6, or all that have the accelerators."""
    sizes: Annotated[tuple[str, ...], _FILLED, Field(json_schema_extra={"minItems": 1})] = ()
    """Such as xlarge, 2xlarge."""
    generations: Annotated[
        tuple[Annotated[int, Field(ge=1, le=99, strict=True)], ...],
        _FILLED,
        Field(json_schema_extra={"minItems": 1}),
    ] = ()
    """Such as [7, 8]: the number in a family's name."""
    architectures: Annotated[tuple[Architecture, ...], _FILLED, Field(json_schema_extra={"minItems": 1})] = ("amd64",)
    """Which machine code the images are for. Slipway builds amd64."""
    gpu: Annotated[Gpu | None, Absent()] = None
    """Accelerators that every node has."""
    exclude: Annotated[tuple[str, ...], _FILLED, Field(json_schema_extra={"minItems": 1})] = ()
    """Types or families that are not bought, such as m7i.large."""


class Limits(Section):
    """The most that a pool may have at any moment."""

    cpu: Cpu = ""
    """Processors, of all nodes together."""
    memory: Memory = ""
    """Bytes, of all nodes together: 1600Gi."""
    gpus: Annotated[Gpus | None, Absent()] = None
    """Accelerators, of all nodes together."""

    @model_validator(mode="after")
    def _limits_something(self) -> "Limits":
        if not (self.cpu or self.memory or self.gpus):
            msg = "limits nothing; write cpu, memory or gpus"
            raise ValueError(msg)
        return self


class Mix(Section):
    """In which ways capacity is bought: shares that are held, or one way first and then another.

    `{on-demand: 60%, spot: 40%}`, `{spot: 100%}`, `{reserved: cr-0abc, then: on-demand}`,
    `{committed: {cpu: 100}, then: spot}`.
    """

    on_demand: Percent = ""
    """Share of pods on on-demand nodes; held at all times."""
    spot: Percent = ""
    """Share of pods on spot nodes; they run on on-demand while there is no spot, and return."""
    reserved: Annotated[Reservations | None, PlainValidator(_reservations), WithJsonSchema(_RESERVED_SCHEMA)] = None
    """Capacity reservations that are filled first: an id, a list of ids, or {tags: {name: value}}."""
    committed: Annotated[Limits | None, Absent()] = None
    """What a Savings Plan or reserved instances have paid for already, which is filled first, with on-demand."""
    then: Literal["on-demand", "spot", ""] = Field(default="", json_schema_extra={"enum": ["on-demand", "spot"]})
    """What is bought when that is full, or is not to be had."""

    @property
    def shares(self) -> dict[Capacity, int]:
        """Points of a hundred by capacity; empty where the mix is an order."""
        written: dict[Capacity, str] = {"on-demand": self.on_demand, "spot": self.spot}
        return {capacity: int(share[:-1]) for capacity, share in written.items() if share}

    @model_validator(mode="after")
    def _adds_up(self) -> "Mix":
        first = [name for name in ("reserved", "committed") if getattr(self, name) is not None]
        if len(first) + bool(self.shares) != 1:
            msg = (
                "mixes shares, reserved and committed, which do not go together"
                if first
                else "says nothing; write shares such as {on-demand: 60%, spot: 40%}, or reserved, or committed"
            )
            raise ValueError(msg)
        if self.shares and sum(self.shares.values()) != 100:
            told = ", ".join(f"{capacity} {points}%" for capacity, points in self.shares.items())
            msg = f"comes to {sum(self.shares.values())}% ({told}); shares come to 100%"
            raise ValueError(msg)
        if self.committed is not None and not self.then:
            msg = "has no `then`: what is bought once the commitment is full? write on-demand or spot"
            raise ValueError(msg)
        if self.then and self.shares and (self.then, *self.shares) != ("on-demand", "spot"):
            msg = (
                "has `then` beside shares; only {spot: 100%, then: on-demand} has both, as a ratio falls back by itself"
            )
            raise ValueError(msg)
        return self


class Budget(Section):
    """How many nodes may be taken away at once (https://karpenter.sh/docs/concepts/disruption/#nodepool-disruption-budgets)."""

    nodes: Nodes
    """A number, or a share such as 10%, which is rounded up."""
    reasons: Annotated[tuple[Reason, ...], _FILLED, Field(json_schema_extra={"minItems": 1})] = ()
    """What it holds for; everything when left out."""
    schedule: Annotated[str, matching(_CRON, "a cron schedule, such as 0 9 * * 1-5"), written(_CRON)] = ""
    """When it begins to hold, in UTC. It needs a duration."""
    duration: Annotated[str, matching(_WINDOW, "a time in hours and minutes, such as 8h"), written(_WINDOW)] = ""
    """For how long it holds from then on."""

    @model_validator(mode="after")
    def _whole(self) -> "Budget":
        if bool(self.schedule) != bool(self.duration):
            msg = "has one of schedule and duration; a window needs both"
            raise ValueError(msg)
        return self


class Disruption(Section):
    """How nodes are taken away when they are not needed, or cheaper ones would do."""

    consolidate: Literal["underutilized", "empty", ""] = Field(
        default="", json_schema_extra={"enum": ["underutilized", "empty"]}
    )
    """Which nodes: empty ones only, or those whose pods fit elsewhere or on something cheaper as well."""
    consolidate_after: Annotated[DurationOrNever | None, Absent()] = None
    """For how long a node's pods must not have changed."""
    budgets: tuple[Budget, ...] = ()
    """How many nodes at once; in place of those of the purpose."""
    drain: Annotated[Duration | None, Absent()] = None
    """How long a node's pods may take to leave, whatever else they ask for."""


class Volumes(Section):
    """The disk of each node, which holds images and scratch space."""

    size: Annotated[str, matching(_SIZE, "a size; write 1Gi to 9999Gi, or 1Ti to 9Ti"), written(_SIZE)]
    """Such as 200Gi."""
    iops: Annotated[Annotated[int, Field(ge=3000, le=16000, strict=True)] | None, Absent()] = None
    """Operations per second (gp3)."""
    throughput: Annotated[Annotated[int, Field(ge=125, le=1000, strict=True)] | None, Absent()] = None
    """MiB per second (gp3): how fast images are unpacked, and models are read."""


class Pool(Section):
    """Nodes of one purpose, which Karpenter buys when pods need them, and gives back."""

    purposes: Annotated[tuple[Purpose, ...], PlainValidator(_purposes), WithJsonSchema(_FOR_SCHEMA)] = Field(
        alias="for"
    )
    """What runs on it: system, serving, batch, training, or a list. Of two, the one before has precedence."""
    instances: Instances = Field(default_factory=Instances)
    """Which types may be bought."""
    mix: Mix
    """In which ways they are bought."""
    limits: Limits
    """The most there may be. Without it, a mistake buys without end."""
    disruption: Disruption = Field(default_factory=Disruption)
    """How nodes are taken away; what is left out follows the purpose (infra/capacity/purposes.py)."""
    expire_after: Annotated[DurationOrNever | None, Absent()] = None
    """The age at which a node is replaced, whatever the budgets say."""
    volumes: Annotated[Volumes | None, Absent()] = None
    """The disk of each node."""
    ami: Annotated[
        str, matching(_AMI, "a pinned image; write al2023@v20260903 or bottlerocket@1.65.0"), written(_AMI)
    ] = ""
    """The machine image, pinned: al2023@v20260903, bottlerocket@1.65.0. Else that of infra/capacity/images.py."""
    labels: dict[
        Annotated[str, AfterValidator(_free_label), written(_LABEL_KEY)],
        Annotated[str, matching(_LABEL_PART, "a label's value"), written(_LABEL_PART)],
    ] = Field(default_factory=dict)
    """Labels of its nodes, beside those that are always there."""
