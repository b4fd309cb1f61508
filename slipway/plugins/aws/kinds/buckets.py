"""Settings of buckets beyond the first: whose objects are in them, what goes when, what is kept, who looked."""

from typing import Any

from slipway.plugins.aws.table import Call, Kind, Setting

_GONE = (
    "NoSuchBucket",
    "404",
    "NoSuchLifecycleConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "OwnershipControlsNotFoundError",
)


def _of_bucket(token: str, *, on: tuple[str, ...], put: Call, get: Call, delete: Call, **more: Any) -> Kind:
    """A setting of a bucket that is a resource of its own: its id is the bucket's name."""
    return Kind(
        token=token,
        service="s3",
        create=put,
        identity="bucket",
        read=get,
        gone=_GONE,
        settings=(Setting(on=on, call=put, at_creation=False),),
        delete=delete,
        single=True,
        **more,
    )


OWNERSHIP = _of_bucket(
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    on=("rule",),
    put=Call(
        operation="put_bucket_ownership_controls",
        params={"Bucket": "bucket", "OwnershipControls": {"Rules": [{"ObjectOwnership": "rule.objectOwnership"}]}},
    ),
    get=Call(operation="get_bucket_ownership_controls", params={"Bucket": "id"}),
    item="OwnershipControls",
    outputs={"bucket": "id", "rule": "{objectOwnership: item.Rules[0].ObjectOwnership}"},
    delete=Call(operation="delete_bucket_ownership_controls", params={"Bucket": "id"}),
)

_AGED = "expiration.{Days: days, Date: date, ExpiredObjectDeleteMarker: expiredObjectDeleteMarker}"
_OLD = "noncurrentVersionExpiration.{NoncurrentDays: noncurrentDays, NewerNoncurrentVersions: newerNoncurrentVersions}"
_ABANDONED = "abortIncompleteMultipartUpload.{DaysAfterInitiation: daysAfterInitiation}"
LIFECYCLE = _of_bucket(
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    on=("rules",),
    put=Call(
        operation="put_bucket_lifecycle_configuration",
        params={
            "Bucket": "bucket",
            "LifecycleConfiguration": {
                "Rules": (
                    f"rules[].{{ID: id, Status: status, Filter: filter.{{Prefix: prefix}}, Expiration: {_AGED}, "
                    f"NoncurrentVersionExpiration: {_OLD}, AbortIncompleteMultipartUpload: {_ABANDONED}}}"
                )
            },
        },
    ),
    get=Call(operation="get_bucket_lifecycle_configuration", params={"Bucket": "id"}),
    outputs={
        "bucket": "id",
        "rules": (
            "item.Rules[].{id: ID, status: Status, filter: Filter.{prefix: Prefix}, "
            "expiration: Expiration.{days: Days}, "
            "noncurrentVersionExpiration: NoncurrentVersionExpiration.{noncurrentDays: NoncurrentDays}, "
            "abortIncompleteMultipartUpload: AbortIncompleteMultipartUpload.{daysAfterInitiation: DaysAfterInitiation}}"
        ),
    },
    delete=Call(operation="delete_bucket_lifecycle", params={"Bucket": "id"}),
)

LOGGING = _of_bucket(
    "aws:s3/bucketLogging:BucketLogging",
    on=("targetBucket", "targetPrefix"),
    put=Call(
        operation="put_bucket_logging",
        params={
            "Bucket": "bucket",
            "BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": "targetBucket", "TargetPrefix": "targetPrefix"}},
        },
    ),
    get=Call(operation="get_bucket_logging", params={"Bucket": "id"}),
    item="LoggingEnabled",
    outputs={"bucket": "id", "targetBucket": "item.TargetBucket", "targetPrefix": "item.TargetPrefix"},
    delete=Call(operation="put_bucket_logging", params={"Bucket": "id", "BucketLoggingStatus": "`{}`"}),
)

_RETENTION = "rule.defaultRetention.{Mode: mode, Days: days, Years: years}"
OBJECT_LOCK = _of_bucket(
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    on=("rule",),
    put=Call(
        operation="put_object_lock_configuration",
        params={
            "Bucket": "bucket",
            "ObjectLockConfiguration": {
                "ObjectLockEnabled": "objectLockEnabled",
                "Rule": {"DefaultRetention": _RETENTION},
            },
        },
    ),
    get=Call(operation="get_object_lock_configuration", params={"Bucket": "id"}),
    item="ObjectLockConfiguration",
    outputs={
        "bucket": "id",
        "objectLockEnabled": "item.ObjectLockEnabled",
        "rule": "item.Rule && {defaultRetention: item.Rule.DefaultRetention.{mode: Mode, days: Days, years: Years}}",
    },
    defaults={"objectLockEnabled": "Enabled"},
    # A bucket that locks never stops: only the rule for new objects is taken back.
    delete=Call(
        operation="put_object_lock_configuration",
        params={"Bucket": "id", "ObjectLockConfiguration": {"ObjectLockEnabled": "'Enabled'"}},
    ),
)

KINDS = (OWNERSHIP, LIFECYCLE, LOGGING, OBJECT_LOCK)
