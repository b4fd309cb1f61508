"""Stores: the buckets of an environment."""

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_aws.s3.bucket import Bucket
from pulumi_aws.s3.bucket_lifecycle_configuration import BucketLifecycleConfiguration
from pulumi_aws.s3.bucket_logging import BucketLogging
from pulumi_aws.s3.bucket_server_side_encryption_configuration import BucketServerSideEncryptionConfiguration
from pulumi_aws.s3.bucket_versioning import BucketVersioning

from infra.foundation.planning.stores import StoreSpec, access_prefix
from infra.guarded import guard


class Stores(pulumi.ComponentResource):
    """Buckets for models, data and logs.

    Args:
        name: Their name.
        specs: One for each bucket; the one that others log to before them.
        key: ARN of the key that they are encrypted with.
        opts: Options of the component.

    Attributes:
        buckets: Names by what they are for.
    """

    def __init__(
        self,
        name: str,
        *,
        specs: Sequence[StoreSpec],
        key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make them, each with all that guards it."""
        super().__init__("slipway:foundation:Stores", name, {}, opts)
        self.buckets: dict[str, pulumi.Output[str]] = {}
        guarded: dict[str, list[pulumi.Resource]] = {}
        for spec in specs:
            full = f"{name}-{spec.name}"
            # A bucket stands on that of its logs: where it does not go, neither do they.
            bucket = self._bucket(full, spec, key, after=guarded.get(spec.logs_to, []))
            self.buckets[spec.name] = bucket.id
            guarded[spec.bucket] = [bucket, guard(full, bucket=bucket, policy=spec.policy, parent=self)]
            if spec.logs_to:
                BucketLogging(
                    full,
                    bucket=bucket.id,
                    target_bucket=spec.logs_to,
                    target_prefix=access_prefix(spec.name),
                    opts=pulumi.ResourceOptions(parent=self),
                )
        self.register_outputs({"buckets": self.buckets})

    def _bucket(self, name: str, spec: StoreSpec, key: pulumi.Input[str], *, after: list[pulumi.Resource]) -> Bucket:
        child = pulumi.ResourceOptions(parent=self)
        bucket = Bucket(
            name,
            bucket=spec.bucket,
            force_destroy=spec.discard,
            tags=spec.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )
        BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.id,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms" if spec.is_encrypted_by_key else "AES256",
                        "kms_master_key_id": key if spec.is_encrypted_by_key else None,
                    },
                    # A key of the bucket, made from the stack's: one call of KMS for many objects.
                    "bucket_key_enabled": spec.is_encrypted_by_key,
                }
            ],
            opts=child,
        )
        versioning = BucketVersioning(
            name, bucket=bucket.id, versioning_configuration={"status": "Enabled"}, opts=child
        )
        rules: list[Any] = list(spec.rules)
        BucketLifecycleConfiguration(
            name,
            bucket=bucket.id,
            rules=rules,
            # What is said of old versions needs some.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )
        return bucket
