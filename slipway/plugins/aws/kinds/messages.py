"""Messages: queues, and the rules that put events on them."""

from slipway.plugins.aws.expressions import Expression
from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

_NUMBERS = {
    "DelaySeconds": "delaySeconds",
    "MaximumMessageSize": "maxMessageSize",
    "MessageRetentionPeriod": "messageRetentionSeconds",
    "ReceiveMessageWaitTimeSeconds": "receiveWaitTimeSeconds",
    "VisibilityTimeout": "visibilityTimeoutSeconds",
    "KmsDataKeyReusePeriodSeconds": "kmsDataKeyReusePeriodSeconds",
}
_TEXTS = {"KmsMasterKeyId": "kmsMasterKeyId", "RedrivePolicy": "redrivePolicy", "Policy": "policy"}
_SSE = {"SqsManagedSseEnabled": "sqsManagedSseEnabled"}
_ATTRIBUTES: dict[str, Expression] = {
    **{name: f"text({each})" for name, each in {**_NUMBERS, **_SSE}.items()},
    **_TEXTS,
}
_FIFO: dict[str, Expression] = {"FifoQueue": "fifoQueue && 'true' || `null`"}

QUEUE = Kind(
    token="aws:sqs/queue:Queue",
    service="sqs",
    create=Call(
        operation="create_queue",
        params={"QueueName": "name", "Attributes": {**_FIFO, **_ATTRIBUTES}, "tags": "tags"},
    ),
    identity="reply.QueueUrl",
    read=Call(operation="get_queue_attributes", params={"QueueUrl": "id", "AttributeNames": ["'All'"]}),
    item="Attributes",
    more={"tagging": Call(operation="list_queue_tags", params={"QueueUrl": "id"})},
    gone=("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"),
    outputs={
        "arn": "item.QueueArn",
        "url": "id",
        "name": "part(item.QueueArn, ':', `-1`)",
        **{each: f"number(item.{name})" for name, each in _NUMBERS.items()},
        **{each: f"item.{name}" for name, each in _TEXTS.items()},
        "sqsManagedSseEnabled": "flag(item.SqsManagedSseEnabled)",
        "fifoQueue": "flag(item.FifoQueue)",
        "tags": "tagging.Tags || `{}`",
        "tagsAll": "tagging.Tags || `{}`",
    },
    settings=(
        Setting(
            on=(*_NUMBERS.values(), *_SSE.values(), *_TEXTS.values()),
            call=Call(operation="set_queue_attributes", params={"QueueUrl": "id", "Attributes": _ATTRIBUTES}),
            at_creation=False,
        ),
    ),
    tagging=Tagging(
        tag=Call(operation="tag_queue", params={"QueueUrl": "id", "Tags": "tagged"}),
        untag=Call(operation="untag_queue", params={"QueueUrl": "id", "TagKeys": "untagged"}),
    ),
    named="name",
    defaults={
        "delaySeconds": 0,
        "fifoQueue": False,
        "maxMessageSize": 262144,
        "messageRetentionSeconds": 345600,
        "receiveWaitTimeSeconds": 0,
        "visibilityTimeoutSeconds": 30,
    },
    computed=("kmsDataKeyReusePeriodSeconds", "policy", "redrivePolicy", "sqsManagedSseEnabled"),
    numbers={
        "delaySeconds": (0, 900),
        "kmsDataKeyReusePeriodSeconds": (60, 86400),
        "maxMessageSize": (1024, 1048576),
        "messageRetentionSeconds": (60, 1209600),
        "receiveWaitTimeSeconds": (0, 20),
        "visibilityTimeoutSeconds": (0, 43200),
    },
    delete=Call(operation="delete_queue", params={"QueueUrl": "id"}),
)

_QUEUE_POLICY = Call(
    operation="set_queue_attributes", params={"QueueUrl": "queueUrl", "Attributes": {"Policy": "policy"}}
)
QUEUE_POLICY = Kind(
    token="aws:sqs/queuePolicy:QueuePolicy",
    service="sqs",
    create=_QUEUE_POLICY,
    identity="queueUrl",
    read=Call(operation="get_queue_attributes", params={"QueueUrl": "id", "AttributeNames": ["'Policy'"]}),
    item="Attributes",
    gone=QUEUE.gone,
    outputs={"queueUrl": "id", "policy": "item.Policy"},
    settings=(Setting(on=("policy",), call=_QUEUE_POLICY, at_creation=False),),
    delete=Call(operation="set_queue_attributes", params={"QueueUrl": "id", "Attributes": {"Policy": "''"}}),
    single=True,
)

_RULE = Call(
    operation="put_rule",
    params={
        "Name": "name",
        "EventBusName": "eventBusName",
        "EventPattern": "eventPattern",
        "ScheduleExpression": "scheduleExpression",
        "State": "state || 'ENABLED'",
        "Description": "description",
        "RoleArn": "roleArn",
    },
)
EVENT_RULE = Kind(
    token="aws:cloudwatch/eventRule:EventRule",
    service="events",
    create=Call(operation="put_rule", params={**_RULE.params, "Tags": "tags(tags, 'Key', 'Value')"}),
    identity="name",
    read=Call(operation="describe_rule", params={"Name": "id", "EventBusName": "eventBusName"}),
    more={"tagging": Call(operation="list_tags_for_resource", params={"ResourceARN": "item.Arn"})},
    gone=("ResourceNotFoundException",),
    outputs={
        "arn": "item.Arn",
        "name": "item.Name",
        "eventBusName": "item.EventBusName || 'default'",
        "eventPattern": "item.EventPattern",
        "scheduleExpression": "item.ScheduleExpression",
        "state": "item.State",
        "description": "item.Description",
        "tags": "untag(tagging.Tags, 'Key', 'Value')",
        "tagsAll": "untag(tagging.Tags, 'Key', 'Value')",
    },
    settings=(
        Setting(
            on=("eventPattern", "scheduleExpression", "state", "description", "roleArn"),
            call=_RULE,
            at_creation=False,
        ),
    ),
    tagging=Tagging(
        tag=Call(operation="tag_resource", params={"ResourceARN": "arn", "Tags": "tags(tagged, 'Key', 'Value')"}),
        untag=Call(operation="untag_resource", params={"ResourceARN": "arn", "TagKeys": "untagged"}),
    ),
    named="name",
    defaults={"eventBusName": "default"},
    computed=("state",),
    delete=Call(operation="delete_rule", params={"Name": "id", "EventBusName": "eventBusName"}),
)

_TARGET = Call(
    operation="put_targets",
    params={
        "Rule": "rule",
        "EventBusName": "eventBusName",
        "Targets": [
            {
                "Id": "targetId",
                "Arn": "arn",
                "Input": "input",
                "InputPath": "inputPath",
                "RoleArn": "roleArn",
                "DeadLetterConfig": {"Arn": "deadLetterConfig.arn"},
            }
        ],
    },
)
EVENT_TARGET = Kind(
    token="aws:cloudwatch/eventTarget:EventTarget",
    service="events",
    create=_TARGET,
    identity="join('-', [rule, targetId])",
    read=Call(operation="list_targets_by_rule", params={"Rule": "rule", "EventBusName": "eventBusName"}),
    find=lambda reply, it: next((each for each in reply["Targets"] if each["Id"] == it["targetId"]), None),
    gone=("ResourceNotFoundException",),
    outputs={"arn": "item.Arn", "targetId": "item.Id", "input": "item.Input", "inputPath": "item.InputPath"},
    settings=(
        Setting(
            on=("arn", "input", "inputPath", "roleArn", "deadLetterConfig"),
            call=_TARGET,
            at_creation=False,
        ),
    ),
    named="targetId",
    defaults={"eventBusName": "default"},
    delete=Call(
        operation="remove_targets", params={"Rule": "rule", "EventBusName": "eventBusName", "Ids": ["targetId"]}
    ),
)

KINDS = (QUEUE, QUEUE_POLICY, EVENT_RULE, EVENT_TARGET)
