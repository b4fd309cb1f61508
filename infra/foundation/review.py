"""Review: the queues on which what models are not sure of waits for people."""

import json
from collections.abc import Sequence

import pulumi
from pulumi_aws.sqs.queue import Queue
from pulumi_aws.sqs.queue_policy import QueuePolicy

from infra.foundation.planning.review import ReviewQueueSpec


class ReviewQueues(pulumi.ComponentResource):
    """A queue for each model that sends what it is not sure of.

    Args:
        name: Their name.
        specs: One for each model.
        key: ARN of the key that messages are encrypted with.
        opts: Options of the component.

    Attributes:
        urls: Their URLs by model.
    """

    def __init__(
        self,
        name: str,
        *,
        specs: Sequence[ReviewQueueSpec],
        key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make them, each with its policy."""
        super().__init__("slipway:foundation:ReviewQueues", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.urls: dict[str, pulumi.Output[str]] = {}
        for spec in specs:
            queue = Queue(
                f"{name}-{spec.model}",
                name=spec.queue,
                message_retention_seconds=spec.kept_seconds,
                kms_master_key_id=key,
                tags=spec.tags,
                opts=child,
            )
            policy = QueuePolicy(
                f"{name}-{spec.model}", queue_url=queue.url, policy=json.dumps(spec.policy), opts=child
            )
            self.urls[spec.model] = policy.queue_url
        self.register_outputs({"urls": self.urls})
