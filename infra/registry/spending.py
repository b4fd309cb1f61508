"""Spending: a budget, and the topic that tells people of it."""

import json

import pulumi
from pulumi_aws.budgets.budget import Budget
from pulumi_aws.sns.topic import Topic
from pulumi_aws.sns.topic_policy import TopicPolicy
from pulumi_aws.sns.topic_subscription import TopicSubscription

from infra.registry.planning.spending import BudgetSpec


class Spending(pulumi.ComponentResource):
    """What an account may cost in a month.

    Args:
        name: Its name.
        spec: What it is made from.
        key: ARN of the key that alerts are encrypted with.
        opts: Options of the component.

    Attributes:
        topic: ARN of the topic that alerts go to.
    """

    def __init__(
        self, name: str, *, spec: BudgetSpec, key: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the topic, then the budget that writes to it."""
        super().__init__("slipway:registry:Spending", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        topic = Topic(name, name=spec.topic, kms_master_key_id=key, tags=spec.tags, opts=child)
        policy = TopicPolicy(name, arn=topic.arn, policy=json.dumps(spec.topic_policy), opts=child)
        for address in spec.notify:
            TopicSubscription(f"{name}-{address}", topic=topic.arn, protocol="email", endpoint=address, opts=child)
        Budget(
            name,
            name=spec.name,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=spec.dollars,
            limit_unit="USD",
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": "ACTUAL",
                    "threshold": share,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_sns_topic_arns": [topic.arn],
                }
                for share in spec.shares
            ],
            tags=spec.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.topic = topic.arn
        self.register_outputs({"topic": self.topic})
