"""The record of every call to AWS in all regions, in a bucket of its own that keeps what it has.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html
"""

from dataclasses import dataclass
from typing import Any

from infra.encryption import KeySpec, key
from infra.iam import allow, document, let, only_over_tls
from infra.place import Place
from infra.settings import Settings

_AFTERWARDS_DAYS = 30
"""How long a record stays once it may be deleted."""
KEY = "audit"
"""The purpose of the key that the record is encrypted with."""


@dataclass(frozen=True, kw_only=True)
class AuditSpec:
    """A trail.

    Attributes:
        trail: Its name.
        bucket: The name of its bucket.
        policy: Who may write there, and that it is over TLS only.
        locked_days: How long nothing in it can be deleted.
        kept_days: When it goes by itself.
        key: What it is encrypted with.
        tags: Tags of all of it.
    """

    trail: str
    bucket: str
    policy: dict[str, Any]
    locked_days: int
    kept_days: int
    key: KeySpec
    tags: dict[str, str]


def plan_audit(settings: Settings, place: Place) -> AuditSpec | None:
    """Plan the trail; None for a stack that is no registry."""
    if settings.registry is None:
        return None
    trail = f"{place.prefix}-audit"
    bucket = f"{place.prefix}-audit-{place.account}-{place.region}"
    days = settings.registry.audit.retention_days
    return AuditSpec(
        trail=trail,
        bucket=bucket,
        policy=_of_bucket(place, trail, place.arn("s3", bucket, region="", account="")),
        locked_days=days,
        kept_days=days + _AFTERWARDS_DAYS,
        key=_key(place, trail),
        tags=place.tags("audit"),
    )


def _of_bucket(place: Place, trail: str, bucket: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html."""
    by_trail = {"aws:SourceArn": place.arn("cloudtrail", f"trail/{trail}")}
    cloudtrail = {"Service": "cloudtrail.amazonaws.com"}
    writes = {"StringEquals": {**by_trail, "s3:x-amz-acl": "bucket-owner-full-control"}}
    return document(
        only_over_tls("s3", [bucket, f"{bucket}/*"]),
        let(cloudtrail, allow("s3:GetBucketAcl", bucket, sid="TrailLooks", when={"StringEquals": by_trail})),
        let(cloudtrail, allow("s3:PutObject", f"{bucket}/AWSLogs/{place.account}/*", sid="TrailWrites", when=writes)),
    )


def _key(place: Place, trail: str) -> KeySpec:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html."""
    when = {"StringEquals": {"aws:SourceArn": place.arn("cloudtrail", f"trail/{trail}")}}
    encrypts = allow(["kms:GenerateDataKey*", "kms:DescribeKey"], "*", sid="TrailEncrypts", when=when)
    return key(place, KEY, f"Audit trail of {place.stack}", let({"Service": "cloudtrail.amazonaws.com"}, encrypts))
