"""What keeps a bucket closed: nobody else's objects in it, nothing public, and a policy of who may do what."""

import json
from typing import Any

import pulumi
from pulumi_aws.s3.bucket import Bucket
from pulumi_aws.s3.bucket_ownership_controls import BucketOwnershipControls
from pulumi_aws.s3.bucket_policy import BucketPolicy
from pulumi_aws.s3.bucket_public_access_block import BucketPublicAccessBlock


def guard(name: str, *, bucket: Bucket, policy: dict[str, Any], parent: pulumi.Resource) -> BucketPolicy:
    """Close a bucket.

    Args:
        name: Of all that closes it.
        bucket: The bucket.
        policy: Its policy, as a document.
        parent: Whose it is.

    Returns:
        The policy, which is there last.
    """
    child = pulumi.ResourceOptions(parent=parent)
    BucketOwnershipControls(name, bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=child)
    blocks = BucketPublicAccessBlock(
        name,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=child,
    )
    # S3 refuses one of the two while the other is on its way.
    return BucketPolicy(
        name,
        bucket=bucket.id,
        policy=json.dumps(policy),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[blocks]),
    )
