"""Keys of KMS, and logs, which are usually encrypted with one."""

from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

KEY = Kind(
    token="aws:kms/key:Key",
    service="kms",
    create=Call(
        operation="create_key",
        params={
            "Description": "description",
            "KeyUsage": "keyUsage",
            "KeySpec": "customerMasterKeySpec",
            "MultiRegion": "multiRegion",
            "Policy": "policy",
            "Tags": "tags(tags, 'TagKey', 'TagValue')",
        },
    ),
    identity="reply.KeyMetadata.KeyId",
    read=Call(operation="describe_key", params={"KeyId": "id"}),
    find=lambda reply, _: None if reply["KeyMetadata"]["KeyState"] == "PendingDeletion" else reply["KeyMetadata"],
    more={
        "rotation": Call(operation="get_key_rotation_status", params={"KeyId": "id"}),
        "policies": Call(operation="get_key_policy", params={"KeyId": "id", "PolicyName": "'default'"}),
        "tagging": Call(operation="list_resource_tags", params={"KeyId": "id"}),
    },
    gone=("NotFoundException",),
    outputs={
        "arn": "item.Arn",
        "keyId": "item.KeyId",
        "description": "item.Description",
        "keyUsage": "item.KeyUsage",
        "customerMasterKeySpec": "item.KeySpec || item.CustomerMasterKeySpec",
        "multiRegion": "item.MultiRegion",
        "isEnabled": "item.Enabled",
        "enableKeyRotation": "rotation.KeyRotationEnabled",
        "policy": "policies.Policy",
        "tags": "untag(tagging.Tags, 'TagKey', 'TagValue')",
        "tagsAll": "untag(tagging.Tags, 'TagKey', 'TagValue')",
    },
    settings=(
        Setting(
            on=("description",),
            call=Call(operation="update_key_description", params={"KeyId": "id", "Description": "description || ''"}),
            at_creation=False,
        ),
        Setting(
            on=("policy",),
            call=Call(
                operation="put_key_policy", params={"KeyId": "id", "PolicyName": "'default'", "Policy": "policy"}
            ),
            at_creation=False,
        ),
        Setting(
            on=("enableKeyRotation",),
            call=Call(operation="enable_key_rotation", params={"KeyId": "id"}),
            when="enableKeyRotation",
            unset=Call(operation="disable_key_rotation", params={"KeyId": "id"}),
        ),
    ),
    tagging=Tagging(
        tag=Call(operation="tag_resource", params={"KeyId": "id", "Tags": "tags(tagged, 'TagKey', 'TagValue')"}),
        untag=Call(operation="untag_resource", params={"KeyId": "id", "TagKeys": "untagged"}),
    ),
    defaults={
        "bypassPolicyLockoutSafetyCheck": False,
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "enableKeyRotation": False,
        "keyUsage": "ENCRYPT_DECRYPT",
    },
    computed=("description", "multiRegion", "policy"),
    free=("deletionWindowInDays", "bypassPolicyLockoutSafetyCheck"),
    delete=Call(
        operation="schedule_key_deletion",
        params={"KeyId": "id", "PendingWindowInDays": "deletionWindowInDays || `30`"},
    ),
)

ALIAS = Kind(
    token="aws:kms/alias:Alias",
    service="kms",
    create=Call(operation="create_alias", params={"AliasName": "name", "TargetKeyId": "targetKeyId"}),
    identity="name",
    read=Call(operation="list_aliases"),
    find=lambda reply, it: next((each for each in reply["Aliases"] if each["AliasName"] == it["id"]), None),
    outputs={
        "arn": "item.AliasArn",
        "name": "item.AliasName",
        "targetKeyId": "item.TargetKeyId",
        "targetKeyArn": "join('', ['arn:', partition, ':kms:', region, ':', account, ':key/', item.TargetKeyId])",
    },
    settings=(
        Setting(
            on=("targetKeyId",),
            call=Call(operation="update_alias", params={"AliasName": "id", "TargetKeyId": "targetKeyId"}),
            at_creation=False,
        ),
    ),
    named="name",
    prefix="alias/",
    delete=Call(operation="delete_alias", params={"AliasName": "id"}),
)

_RETENTION = Call(operation="put_retention_policy", params={"logGroupName": "id", "retentionInDays": "retentionInDays"})
LOG_GROUP = Kind(
    token="aws:cloudwatch/logGroup:LogGroup",
    service="logs",
    create=Call(
        operation="create_log_group",
        params={"logGroupName": "name", "kmsKeyId": "kmsKeyId", "logGroupClass": "logGroupClass", "tags": "tags"},
    ),
    identity="name",
    read=Call(operation="describe_log_groups", params={"logGroupNamePrefix": "id"}),
    find=lambda reply, it: next((each for each in reply["logGroups"] if each["logGroupName"] == it["id"]), None),
    more={"tagging": Call(operation="list_tags_log_group", params={"logGroupName": "id"})},
    outputs={
        "arn": "join('', ['arn:', partition, ':logs:', region, ':', account, ':log-group:', id])",
        "name": "item.logGroupName",
        "retentionInDays": "item.retentionInDays || `0`",
        "kmsKeyId": "item.kmsKeyId",
        "tags": "tagging.tags || `{}`",
        "tagsAll": "tagging.tags || `{}`",
    },
    settings=(
        Setting(
            on=("retentionInDays",),
            call=_RETENTION,
            when="retentionInDays",
            unset=Call(operation="delete_retention_policy", params={"logGroupName": "id"}),
        ),
    ),
    tagging=Tagging(
        tag=Call(operation="tag_log_group", params={"logGroupName": "id", "tags": "tagged"}),
        untag=Call(operation="untag_log_group", params={"logGroupName": "id", "tags": "untagged"}),
    ),
    named="name",
    defaults={"retentionInDays": 0, "skipDestroy": False},
    computed=("logGroupClass",),
    free=("skipDestroy",),
    delete=Call(operation="delete_log_group", params={"logGroupName": "id"}),
)

KINDS = (KEY, ALIAS, LOG_GROUP)
