"""Audit: the record of every call to AWS."""

import pulumi
from pulumi_aws.cloudtrail.trail import Trail
from pulumi_aws.s3.bucket import Bucket
from pulumi_aws.s3.bucket_lifecycle_configuration import BucketLifecycleConfiguration
from pulumi_aws.s3.bucket_object_lock_configuration import BucketObjectLockConfiguration
from pulumi_aws.s3.bucket_server_side_encryption_configuration import BucketServerSideEncryptionConfiguration
from pulumi_aws.s3.bucket_versioning import BucketVersioning

from infra.guarded import guard
from infra.registry.planning.audit import AuditSpec


class Audit(pulumi.ComponentResource):
    """A trail of all regions, and the bucket that keeps it.

    Args:
        name: Its name.
        spec: What it is made from.
        key: ARN of the key that it is encrypted with.
        opts: Options of the component.

    Attributes:
        bucket: The bucket's name.
    """

    def __init__(
        self, name: str, *, spec: AuditSpec, key: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make the bucket, then have CloudTrail write to it."""
        super().__init__("slipway:registry:Audit", name, {}, opts)
        self._name, self._spec = name, spec
        bucket = self._bucket(key)
        policy = guard(name, bucket=bucket, policy=spec.policy, parent=self)
        Trail(
            name,
            name=spec.trail,
            s3_bucket_name=bucket.id,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            kms_key_id=key,
            tags=spec.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.bucket = bucket.id
        self.register_outputs({"bucket": self.bucket})

    def _bucket(self, key: pulumi.Input[str]) -> Bucket:
        name, spec, child = self._name, self._spec, pulumi.ResourceOptions(parent=self)
        bucket = Bucket(name, bucket=spec.bucket, object_lock_enabled=True, tags=spec.tags, opts=child)
        BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.id,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key},
                    "bucket_key_enabled": True,
                }
            ],
            opts=child,
        )
        versioning = BucketVersioning(
            name, bucket=bucket.id, versioning_configuration={"status": "Enabled"}, opts=child
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[versioning])
        # Governance: with a right that no role here has, an administrator could still end it.
        BucketObjectLockConfiguration(
            name,
            bucket=bucket.id,
            rule={"default_retention": {"mode": "GOVERNANCE", "days": spec.locked_days}},
            opts=after,
        )
        BucketLifecycleConfiguration(
            name,
            bucket=bucket.id,
            rules=[
                {
                    "id": "old-records",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "expiration": {"days": spec.kept_days},
                    "noncurrent_version_expiration": {"noncurrent_days": 1},
                }
            ],
            opts=after,
        )
        return bucket
