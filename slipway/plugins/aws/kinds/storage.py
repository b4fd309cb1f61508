"""Storage: buckets and their settings, each a resource of its own."""

from collections.abc import Mapping
from typing import Any

from slipway.plugins.aws.table import Call, Kind, Setting

_NO_BUCKET = ("NoSuchBucket", "404")


def _empty(client: Any, properties: Mapping[str, Any]) -> None:
    """Remove every object and version of a bucket, where the program allows it."""
    if not properties.get("forceDestroy"):
        return
    for page in client.get_paginator("list_object_versions").paginate(Bucket=properties["id"]):
        for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            client.delete_object(Bucket=properties["id"], Key=each["Key"], VersionId=each["VersionId"])
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=properties["id"]):
        for each in page.get("Contents", []):
            client.delete_object(Bucket=properties["id"], Key=each["Key"])


BUCKET = Kind(
    token="aws:s3/bucket:Bucket",
    service="s3",
    create=Call(
        operation="create_bucket",
        params={
            "Bucket": "bucket",
            # us-east-1 is what is meant when nothing is said, and may not be said.
            "CreateBucketConfiguration": "region != 'us-east-1' && {LocationConstraint: region} || `null`",
            "ObjectLockEnabledForBucket": "objectLockEnabled",
        },
    ),
    identity="bucket",
    read=Call(operation="head_bucket", params={"Bucket": "id"}),
    more={"tagging": Call(operation="get_bucket_tagging", params={"Bucket": "id"}, absent=("NoSuchTagSet",))},
    gone=_NO_BUCKET,
    outputs={
        "arn": "join('', ['arn:', partition, ':s3:::', id])",
        "bucket": "id",
        "bucketDomainName": "join('', [id, '.s3.amazonaws.com'])",
        "bucketRegionalDomainName": "join('', [id, '.s3.', region, '.amazonaws.com'])",
        "tags": "untag(tagging.TagSet, 'Key', 'Value')",
        "tagsAll": "untag(tagging.TagSet, 'Key', 'Value')",
    },
    settings=(
        Setting(
            on=("tags",),
            call=Call(
                operation="put_bucket_tagging",
                params={"Bucket": "id", "Tagging": {"TagSet": "tags(tags, 'Key', 'Value')"}},
            ),
            unset=Call(operation="delete_bucket_tagging", params={"Bucket": "id"}),
        ),
    ),
    named="bucket",
    defaults={"forceDestroy": False},
    computed=("objectLockEnabled",),
    free=("forceDestroy",),
    before_delete=_empty,
    delete=Call(operation="delete_bucket", params={"Bucket": "id"}),
)


def _of_bucket(token: str, *, on: tuple[str, ...], put: Call, get: Call, delete: Call | None, **more: Any) -> Kind:
    """A setting of a bucket that is a resource of its own: its id is the bucket's name."""
    return Kind(
        token=token,
        service="s3",
        create=put,
        identity="bucket",
        read=get,
        gone=(
            *_NO_BUCKET,
            "NoSuchPublicAccessBlockConfiguration",
            "ServerSideEncryptionConfigurationNotFoundError",
            "NoSuchBucketPolicy",
            "NoSuchLifecycleConfiguration",
        ),
        settings=(Setting(on=on, call=put, at_creation=False),),
        delete=delete,
        single=True,
        **more,
    )


_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
PUBLIC_ACCESS_BLOCK = _of_bucket(
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    on=_BLOCKS,
    put=Call(
        operation="put_public_access_block",
        params={
            "Bucket": "bucket",
            "PublicAccessBlockConfiguration": {name[0].upper() + name[1:]: name for name in _BLOCKS},
        },
    ),
    get=Call(operation="get_public_access_block", params={"Bucket": "id"}),
    item="PublicAccessBlockConfiguration",
    outputs={"bucket": "id", **{name: f"item.{name[0].upper() + name[1:]}" for name in _BLOCKS}},
    defaults=dict.fromkeys(_BLOCKS, False),
    delete=Call(operation="delete_public_access_block", params={"Bucket": "id"}),
)

VERSIONING = _of_bucket(
    "aws:s3/bucketVersioning:BucketVersioning",
    on=("versioningConfiguration",),
    put=Call(
        operation="put_bucket_versioning",
        params={"Bucket": "bucket", "VersioningConfiguration": {"Status": "versioningConfiguration.status"}},
    ),
    get=Call(operation="get_bucket_versioning", params={"Bucket": "id"}),
    outputs={"bucket": "id", "versioningConfiguration": "{status: item.Status}"},
    delete=Call(
        operation="put_bucket_versioning",
        params={"Bucket": "id", "VersioningConfiguration": {"Status": "'Suspended'"}},
    ),
)

ENCRYPTION = _of_bucket(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    on=("rules",),
    put=Call(
        operation="put_bucket_encryption",
        params={
            "Bucket": "bucket",
            "ServerSideEncryptionConfiguration": {
                "Rules": (
                    "rules[].{ApplyServerSideEncryptionByDefault: applyServerSideEncryptionByDefault.{"
                    "SSEAlgorithm: sseAlgorithm, KMSMasterKeyID: kmsMasterKeyId}, BucketKeyEnabled: bucketKeyEnabled}"
                )
            },
        },
    ),
    get=Call(operation="get_bucket_encryption", params={"Bucket": "id"}),
    item="ServerSideEncryptionConfiguration",
    outputs={
        "bucket": "id",
        "rules": (
            "item.Rules[].{applyServerSideEncryptionByDefault: ApplyServerSideEncryptionByDefault.{"
            "sseAlgorithm: SSEAlgorithm, kmsMasterKeyId: KMSMasterKeyID}, bucketKeyEnabled: BucketKeyEnabled}"
        ),
    },
    delete=Call(operation="delete_bucket_encryption", params={"Bucket": "id"}),
)

POLICY = _of_bucket(
    "aws:s3/bucketPolicy:BucketPolicy",
    on=("policy",),
    put=Call(operation="put_bucket_policy", params={"Bucket": "bucket", "Policy": "policy"}),
    get=Call(operation="get_bucket_policy", params={"Bucket": "id"}),
    outputs={"bucket": "id", "policy": "item.Policy"},
    delete=Call(operation="delete_bucket_policy", params={"Bucket": "id"}),
)

KINDS = (BUCKET, PUBLIC_ACCESS_BLOCK, VERSIONING, ENCRYPTION, POLICY)
