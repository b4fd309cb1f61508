"""Alerts: topics of SNS and who listens, and budgets that write to them."""

from slipway.plugins.aws.expressions import Expression
from slipway.plugins.aws.table import Call, Kind, Setting, Tagging


def _attribute(name: str, member: str) -> Setting:
    params: dict[str, Expression] = {
        "TopicArn": "id",
        "AttributeName": f"'{member}'",
        "AttributeValue": f"{name} || ''",
    }
    return Setting(on=(name,), call=Call(operation="set_topic_attributes", params=params), at_creation=False)


TOPIC = Kind(
    token="aws:sns/topic:Topic",
    service="sns",
    create=Call(
        operation="create_topic",
        params={
            "Name": "name",
            "Attributes": {"KmsMasterKeyId": "kmsMasterKeyId", "DisplayName": "displayName"},
            "Tags": "tags(tags, 'Key', 'Value')",
        },
    ),
    identity="reply.TopicArn",
    read=Call(operation="get_topic_attributes", params={"TopicArn": "id"}),
    item="Attributes",
    more={"tagging": Call(operation="list_tags_for_resource", params={"ResourceArn": "id"})},
    gone=("NotFound", "NotFoundException", "ResourceNotFound"),
    outputs={
        "arn": "item.TopicArn",
        "name": "part(item.TopicArn, ':', `-1`)",
        "owner": "item.Owner",
        "kmsMasterKeyId": "item.KmsMasterKeyId",
        "displayName": "item.DisplayName",
        "tags": "untag(tagging.Tags, 'Key', 'Value')",
        "tagsAll": "untag(tagging.Tags, 'Key', 'Value')",
    },
    settings=(_attribute("kmsMasterKeyId", "KmsMasterKeyId"), _attribute("displayName", "DisplayName")),
    tagging=Tagging(
        tag=Call(operation="tag_resource", params={"ResourceArn": "id", "Tags": "tags(tagged, 'Key', 'Value')"}),
        untag=Call(operation="untag_resource", params={"ResourceArn": "id", "TagKeys": "untagged"}),
    ),
    named="name",
    delete=Call(operation="delete_topic", params={"TopicArn": "id"}),
)

_POLICY = Call(
    operation="set_topic_attributes",
    params={"TopicArn": "arn", "AttributeName": "'Policy'", "AttributeValue": "policy"},
)
_OWNERS = (
    'join(\'\', [\'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"\', account, '
    '\'"},"Action":"sns:Publish","Resource":"\', id, \'"}]}\'])'
)
TOPIC_POLICY = Kind(
    token="aws:sns/topicPolicy:TopicPolicy",
    service="sns",
    create=_POLICY,
    identity="arn",
    read=Call(operation="get_topic_attributes", params={"TopicArn": "id"}),
    item="Attributes",
    gone=TOPIC.gone,
    outputs={"arn": "id", "owner": "item.Owner", "policy": "item.Policy"},
    settings=(Setting(on=("policy",), call=_POLICY, at_creation=False),),
    # A topic always has a policy: what is left is that its owner may write to it.
    delete=Call(
        operation="set_topic_attributes",
        params={"TopicArn": "id", "AttributeName": "'Policy'", "AttributeValue": _OWNERS},
    ),
    single=True,
)

SUBSCRIPTION = Kind(
    token="aws:sns/topicSubscription:TopicSubscription",
    service="sns",
    create=Call(
        operation="subscribe",
        params={"TopicArn": "topic", "Protocol": "protocol", "Endpoint": "endpoint", "ReturnSubscriptionArn": True},
    ),
    identity="reply.SubscriptionArn",
    read=Call(operation="get_subscription_attributes", params={"SubscriptionArn": "id"}),
    item="Attributes",
    gone=TOPIC.gone,
    outputs={
        "arn": "item.SubscriptionArn",
        "topic": "item.TopicArn",
        "protocol": "item.Protocol",
        "endpoint": "item.Endpoint",
        "ownerId": "item.Owner",
        "pendingConfirmation": "flag(item.PendingConfirmation)",
    },
    delete=Call(operation="unsubscribe", params={"SubscriptionArn": "id"}),
    single=True,
)

_BUDGET: dict[str, Expression] = {
    "BudgetName": "name",
    "BudgetType": "budgetType",
    "TimeUnit": "timeUnit",
    "BudgetLimit": {"Amount": "limitAmount", "Unit": "limitUnit"},
}
_WHICH: dict[str, Expression] = {"AccountId": "account", "BudgetName": "name"}
BUDGET = Kind(
    token="aws:budgets/budget:Budget",
    service="budgets",
    create=Call(
        operation="create_budget",
        params={
            "AccountId": "account",
            "Budget": _BUDGET,
            "NotificationsWithSubscribers": (
                "notifications[].{Notification: {NotificationType: notificationType, "
                "ComparisonOperator: comparisonOperator, Threshold: threshold, ThresholdType: thresholdType}, "
                "Subscribers: [subscriberSnsTopicArns[].{SubscriptionType: 'SNS', Address: @}, "
                "subscriberEmailAddresses[].{SubscriptionType: 'EMAIL', Address: @}][]}"
            ),
            "ResourceTags": "tags(tags, 'Key', 'Value')",
        },
    ),
    identity="join(':', [account, name])",
    read=Call(operation="describe_budget", params=_WHICH),
    item="Budget",
    gone=("NotFoundException",),
    outputs={
        "arn": "join('', ['arn:', partition, ':budgets::', account, ':budget/', item.BudgetName])",
        "accountId": "account",
        "name": "item.BudgetName",
        "budgetType": "item.BudgetType",
        "timeUnit": "item.TimeUnit",
        "limitUnit": "item.BudgetLimit.Unit",
        # AWS writes amounts its own way (`500.0`), which is no change.
        "limitAmount": "item && limitAmount",
    },
    settings=(
        Setting(
            on=("limitAmount", "limitUnit", "timeUnit"),
            call=Call(operation="update_budget", params={"AccountId": "account", "NewBudget": _BUDGET}),
            at_creation=False,
        ),
    ),
    tagging=Tagging(
        tag=Call(
            operation="tag_resource",
            params={"ResourceARN": "arn", "ResourceTags": "tags(tagged, 'Key', 'Value')"},
        ),
        untag=Call(operation="untag_resource", params={"ResourceARN": "arn", "ResourceTagKeys": "untagged"}),
    ),
    named="name",
    delete=Call(operation="delete_budget", params=_WHICH),
)

KINDS = (TOPIC, TOPIC_POLICY, SUBSCRIPTION, BUDGET)
