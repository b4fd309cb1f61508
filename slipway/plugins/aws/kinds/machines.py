"""Machines: what they are launched from, and tags of what somebody else has made."""

from slipway.plugins.aws.expressions import Expression
from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

_TAGS = "tags(tags, 'Key', 'Value')"
_DATA: dict[str, Expression] = {
    "BlockDeviceMappings": (
        "blockDeviceMappings[].{DeviceName: deviceName, Ebs: ebs.{VolumeType: volumeType, VolumeSize: volumeSize, "
        "Encrypted: flag(encrypted), DeleteOnTermination: flag(deleteOnTermination), KmsKeyId: kmsKeyId, Iops: iops, "
        "Throughput: throughput}}"
    ),
    "MetadataOptions": {
        "HttpEndpoint": "metadataOptions.httpEndpoint",
        "HttpTokens": "metadataOptions.httpTokens",
        "HttpPutResponseHopLimit": "metadataOptions.httpPutResponseHopLimit",
    },
    "TagSpecifications": f"tagSpecifications[].{{ResourceType: resourceType, Tags: {_TAGS}}}",
    "ImageId": "imageId",
    "InstanceType": "instanceType",
    "KeyName": "keyName",
    "SecurityGroupIds": "vpcSecurityGroupIds",
    "UserData": "userData",
}
_SET = (
    "blockDeviceMappings",
    "metadataOptions",
    "tagSpecifications",
    "imageId",
    "instanceType",
    "keyName",
    "vpcSecurityGroupIds",
    "userData",
    "description",
)
LAUNCH_TEMPLATE = Kind(
    token="aws:ec2/launchTemplate:LaunchTemplate",
    service="ec2",
    create=Call(
        operation="create_launch_template",
        params={
            "LaunchTemplateName": "name",
            "VersionDescription": "description",
            "LaunchTemplateData": _DATA,
            "TagSpecifications": f"{_TAGS} && [{{ResourceType: 'launch-template', Tags: {_TAGS}}}]",
        },
    ),
    identity="reply.LaunchTemplate.LaunchTemplateId",
    read=Call(operation="describe_launch_templates", params={"LaunchTemplateIds": ["id"]}),
    item="LaunchTemplates[0]",
    gone=("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateName.NotFoundException"),
    outputs={
        "arn": "join('', ['arn:', partition, ':ec2:', region, ':', account, ':launch-template/', id])",
        "name": "item.LaunchTemplateName",
        "latestVersion": "item.LatestVersionNumber",
        "defaultVersion": "item.DefaultVersionNumber",
        "tags": "untag(item.Tags, 'Key', 'Value')",
        "tagsAll": "untag(item.Tags, 'Key', 'Value')",
    },
    settings=(
        Setting(
            on=_SET,
            call=Call(
                operation="create_launch_template_version",
                params={
                    "LaunchTemplateId": "id",
                    "VersionDescription": "description",
                    "LaunchTemplateData": _DATA,
                },
            ),
            at_creation=False,
        ),
    ),
    tagging=Tagging(
        tag=Call(operation="create_tags", params={"Resources": ["id"], "Tags": "tags(tagged, 'Key', 'Value')"}),
        untag=Call(operation="delete_tags", params={"Resources": ["id"], "Tags": "untagged[].{Key: @}"}),
    ),
    named="name",
    delete=Call(operation="delete_launch_template", params={"LaunchTemplateId": "id"}),
)

_TAG: dict[str, Expression] = {"Resources": ["resourceId"], "Tags": [{"Key": "key", "Value": "value"}]}
TAG = Kind(
    token="aws:ec2/tag:Tag",
    service="ec2",
    create=Call(operation="create_tags", params=_TAG),
    identity="join(',', [resourceId, key])",
    read=Call(
        operation="describe_tags",
        params={"Filters": "[{Name: 'resource-id', Values: [resourceId]}, {Name: 'key', Values: [key]}]"},
    ),
    item="Tags[0]",
    outputs={"resourceId": "item.ResourceId", "key": "item.Key", "value": "item.Value"},
    settings=(Setting(on=("value",), call=Call(operation="create_tags", params=_TAG), at_creation=False),),
    delete=Call(operation="delete_tags", params={"Resources": ["resourceId"], "Tags": [{"Key": "key"}]}),
    single=True,
)

KINDS = (LAUNCH_TEMPLATE, TAG)
