"""Interruptions: the queue on which a cluster's nodes are told that they go."""

import json

import pulumi
from pulumi_aws.cloudwatch.event_rule import EventRule
from pulumi_aws.cloudwatch.event_target import EventTarget
from pulumi_aws.sqs.queue import Queue
from pulumi_aws.sqs.queue_policy import QueuePolicy

from infra.foundation.planning.interruptions import InterruptionsSpec


class Interruptions(pulumi.ComponentResource):
    """The queue, and the rules of EventBridge that put events on it.

    Args:
        name: Its name.
        spec: What it is made from.
        opts: Options of the component.

    Attributes:
        queue: The queue's name, for Karpenter's `settings.interruptionQueue`.
    """

    def __init__(self, name: str, *, spec: InterruptionsSpec, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the queue, then what comes onto it."""
        super().__init__("slipway:foundation:Interruptions", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        queue = Queue(
            name,
            name=spec.queue,
            message_retention_seconds=spec.kept_seconds,
            sqs_managed_sse_enabled=True,
            tags=spec.tags,
            opts=child,
        )
        policy = QueuePolicy(name, queue_url=queue.url, policy=json.dumps(spec.policy), opts=child)
        for rule in spec.rules:
            made = EventRule(
                f"{name}-{rule.name}",
                name=rule.rule,
                event_pattern=json.dumps(rule.pattern),
                tags=rule.tags,
                opts=child,
            )
            EventTarget(
                f"{name}-{rule.name}",
                rule=made.name,
                target_id="interruptions",
                arn=queue.arn,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
            )
        self.queue = queue.name
        self.register_outputs({"queue": self.queue})
