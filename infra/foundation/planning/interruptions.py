"""What a node hears before it goes: events of EC2 and Health, on the queue that Karpenter reads.

https://karpenter.sh/docs/concepts/disruption/#interruption
"""

from dataclasses import dataclass
from typing import Any

from infra.foundation.planning.network import DISCOVERY
from infra.iam import allow, document, let, only_over_tls
from infra.place import Place
from infra.settings import EksCluster, Settings

_KEPT_SECONDS = 300
"""A warning is two minutes ahead: what is older helps nobody."""

EVENTS: dict[str, dict[str, Any]] = {
    "spot-warning": {"source": ["aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]},
    "state-change": {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Instance State-change Notification"],
        # Those that Karpenter acts on; the rest would be read only to be thrown away.
        "detail": {"state": ["stopping", "stopped", "shutting-down", "terminated"]},
    },
    "health": {
        "source": ["aws.health"],
        "detail-type": ["AWS Health Event"],
        "detail": {"service": ["EC2"], "eventTypeCategory": ["scheduledChange"]},
    },
    "reservation-ends": {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Capacity Reservation Instance Interruption Warning"],
    },
}
"""By name. Rebalance recommendations are left out: Karpenter only records them, and they come in floods."""


@dataclass(frozen=True, kw_only=True)
class RuleSpec:
    """A rule of EventBridge."""

    name: str
    rule: str
    arn: str
    pattern: dict[str, Any]
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class InterruptionsSpec:
    """The queue and what comes onto it.

    Attributes:
        queue: Its name: that of the cluster, as Karpenter's own documents have it.
        arn: Its ARN.
        kept_seconds: How long a message stays.
        policy: Who may put something on it.
        rules: What comes onto it.
        tags: Its tags.
    """

    queue: str
    arn: str
    kept_seconds: int
    policy: dict[str, Any]
    rules: tuple[RuleSpec, ...]
    tags: dict[str, str]


def plan_interruptions(settings: Settings, place: Place) -> InterruptionsSpec | None:
    """Plan the queue; None for a stack whose nodes are not bought."""
    if not isinstance(settings.cluster, EksCluster):
        return None
    name = settings.cluster.name
    arn = queue_arn(place, name)
    rules = tuple(_rule(place, each, pattern) for each, pattern in EVENTS.items())
    by_rules = {"ArnEquals": {"aws:SourceArn": [rule.arn for rule in rules]}}
    events = let({"Service": "events.amazonaws.com"}, allow("sqs:SendMessage", arn, sid="Events", when=by_rules))
    return InterruptionsSpec(
        queue=name,
        arn=arn,
        kept_seconds=_KEPT_SECONDS,
        policy=document(events, only_over_tls("sqs", arn)),
        rules=rules,
        tags=place.tags("interruptions", **{DISCOVERY: name}),
    )


def queue_arn(place: Place, cluster: str) -> str:
    """The ARN of the queue of a cluster."""
    return place.arn("sqs", cluster)


def _rule(place: Place, name: str, pattern: dict[str, Any]) -> RuleSpec:
    rule = f"{place.prefix}-{name}"
    return RuleSpec(
        name=name, rule=rule, arn=place.arn("events", f"rule/{rule}"), pattern=pattern, tags=place.tags(name)
    )
