"""Audit: trails of CloudTrail."""

from slipway.plugins.aws.expressions import Expression
from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

_TRAIL: dict[str, Expression] = {
    "S3BucketName": "s3BucketName",
    "S3KeyPrefix": "s3KeyPrefix",
    "SnsTopicName": "snsTopicName",
    "IncludeGlobalServiceEvents": "includeGlobalServiceEvents",
    "IsMultiRegionTrail": "isMultiRegionTrail",
    "EnableLogFileValidation": "enableLogFileValidation",
    "KmsKeyId": "kmsKeyId",
}
TRAIL = Kind(
    token="aws:cloudtrail/trail:Trail",
    service="cloudtrail",
    create=Call(
        operation="create_trail",
        params={"Name": "name", **_TRAIL, "TagsList": "tags(tags, 'Key', 'Value')"},
    ),
    identity="reply.TrailARN",
    read=Call(operation="get_trail", params={"Name": "id"}),
    item="Trail",
    more={
        "logging": Call(operation="get_trail_status", params={"Name": "id"}),
        "tagging": Call(operation="list_tags", params={"ResourceIdList": ["id"]}),
    },
    gone=("TrailNotFoundException",),
    outputs={
        "arn": "item.TrailARN",
        "name": "item.Name",
        "homeRegion": "item.HomeRegion",
        "s3BucketName": "item.S3BucketName",
        "s3KeyPrefix": "item.S3KeyPrefix",
        "includeGlobalServiceEvents": "item.IncludeGlobalServiceEvents",
        "isMultiRegionTrail": "item.IsMultiRegionTrail",
        "enableLogFileValidation": "item.LogFileValidationEnabled",
        "kmsKeyId": "item.KmsKeyId",
        "enableLogging": "logging.IsLogging",
        "tags": "untag(tagging.ResourceTagList[0].TagsList, 'Key', 'Value')",
        "tagsAll": "untag(tagging.ResourceTagList[0].TagsList, 'Key', 'Value')",
    },
    settings=(
        Setting(
            on=(
                "s3BucketName",
                "s3KeyPrefix",
                "snsTopicName",
                "includeGlobalServiceEvents",
                "isMultiRegionTrail",
                "enableLogFileValidation",
                "kmsKeyId",
            ),
            call=Call(operation="update_trail", params={"Name": "name", **_TRAIL}),
            at_creation=False,
        ),
        Setting(
            on=("enableLogging",),
            call=Call(operation="start_logging", params={"Name": "name"}),
            when="enableLogging",
            unset=Call(operation="stop_logging", params={"Name": "name"}),
        ),
    ),
    tagging=Tagging(
        tag=Call(operation="add_tags", params={"ResourceId": "id", "TagsList": "tags(tagged, 'Key', 'Value')"}),
        untag=Call(operation="remove_tags", params={"ResourceId": "id", "TagsList": "untagged[].{Key: @}"}),
    ),
    named="name",
    defaults={
        "enableLogFileValidation": False,
        "enableLogging": True,
        "includeGlobalServiceEvents": True,
        "isMultiRegionTrail": False,
    },
    # moto 5.2 finds a trail by its ARN where it is read, and by its name alone where it is changed.
    delete=Call(operation="delete_trail", params={"Name": "name"}),
)

KINDS = (TRAIL,)
