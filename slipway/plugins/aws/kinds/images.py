"""Images: repositories of ECR."""

from slipway.plugins.aws.table import Call, Kind, Setting, Tagging

_GONE = ("RepositoryNotFoundException", "LifecyclePolicyNotFoundException", "RepositoryPolicyNotFoundException")

REPOSITORY = Kind(
    token="aws:ecr/repository:Repository",
    service="ecr",
    create=Call(
        operation="create_repository",
        params={
            "repositoryName": "name",
            "imageTagMutability": "imageTagMutability",
            "imageScanningConfiguration": {"scanOnPush": "imageScanningConfiguration.scanOnPush"},
            "encryptionConfiguration": (
                "encryptionConfigurations[0] && {encryptionType: encryptionConfigurations[0].encryptionType, "
                "kmsKey: encryptionConfigurations[0].kmsKey}"
            ),
            "tags": "tags(tags, 'Key', 'Value')",
        },
    ),
    identity="reply.repository.repositoryName",
    read=Call(operation="describe_repositories", params={"repositoryNames": ["id"]}),
    item="repositories[0]",
    more={"tagging": Call(operation="list_tags_for_resource", params={"resourceArn": "item.repositoryArn"})},
    gone=_GONE,
    outputs={
        "arn": "item.repositoryArn",
        "name": "item.repositoryName",
        "registryId": "item.registryId",
        "repositoryUrl": "item.repositoryUri",
        "imageTagMutability": "item.imageTagMutability",
        "imageScanningConfiguration": "item.imageScanningConfiguration.{scanOnPush: scanOnPush}",
        "tags": "untag(tagging.tags, 'Key', 'Value')",
        "tagsAll": "untag(tagging.tags, 'Key', 'Value')",
    },
    settings=(
        Setting(
            on=("imageTagMutability",),
            call=Call(
                operation="put_image_tag_mutability",
                params={"repositoryName": "id", "imageTagMutability": "imageTagMutability"},
            ),
            at_creation=False,
        ),
        Setting(
            on=("imageScanningConfiguration",),
            call=Call(
                operation="put_image_scanning_configuration",
                params={
                    "repositoryName": "id",
                    "imageScanningConfiguration": {"scanOnPush": "imageScanningConfiguration.scanOnPush"},
                },
            ),
            at_creation=False,
        ),
    ),
    tagging=Tagging(
        tag=Call(operation="tag_resource", params={"resourceArn": "arn", "tags": "tags(tagged, 'Key', 'Value')"}),
        untag=Call(operation="untag_resource", params={"resourceArn": "arn", "tagKeys": "untagged"}),
    ),
    named="name",
    defaults={"imageTagMutability": "MUTABLE"},
    free=("forceDelete",),
    delete=Call(operation="delete_repository", params={"repositoryName": "id", "force": "forceDelete"}),
)

_LIFECYCLE = Call(
    operation="put_lifecycle_policy", params={"repositoryName": "repository", "lifecyclePolicyText": "policy"}
)
LIFECYCLE_POLICY = Kind(
    token="aws:ecr/lifecyclePolicy:LifecyclePolicy",
    service="ecr",
    create=_LIFECYCLE,
    identity="repository",
    read=Call(operation="get_lifecycle_policy", params={"repositoryName": "id"}),
    gone=_GONE,
    outputs={"repository": "id", "registryId": "item.registryId", "policy": "item.lifecyclePolicyText"},
    settings=(Setting(on=("policy",), call=_LIFECYCLE, at_creation=False),),
    delete=Call(operation="delete_lifecycle_policy", params={"repositoryName": "id"}),
    single=True,
)

KINDS = (REPOSITORY, LIFECYCLE_POLICY)
