"""Buckets for models, data and logs: encrypted, versioned, private, over TLS only, and with a record of who read what.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
"""

from dataclasses import dataclass
from typing import Any

from infra.iam import Statement, allow, document, let, only_over_tls
from infra.place import Place
from infra.settings import Settings

MODELS, DATA, LOGS = "models", "data", "logs"
_ABANDONED_DAYS = 7
"""How long the parts of an upload stay that nobody finished."""


@dataclass(frozen=True, kw_only=True)
class StoreSpec:
    """A bucket.

    Attributes:
        name: What it is for.
        bucket: Its name in AWS, which nobody in the world may have.
        arn: Its ARN.
        policy: Who may not do what, and which service may write.
        is_encrypted_by_key: Whether with the stack's key; else with S3's own, as access logs must be
            (https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html).
        logs_to: The bucket with the record of who reads it; empty for that bucket itself, which would record itself.
        rules: What goes when, as S3 takes it.
        discard: Whether it is deleted with its content.
        tags: Its tags.
    """

    name: str
    bucket: str
    arn: str
    policy: dict[str, Any]
    is_encrypted_by_key: bool
    logs_to: str
    rules: tuple[dict[str, Any], ...]
    discard: bool
    tags: dict[str, str]


def bucket_name(place: Place, name: str) -> str:
    """A bucket's name: account and region make it the only one in the world."""
    return f"{place.prefix}-{name}-{place.account}-{place.region}"


def bucket_arn(place: Place, name: str) -> str:
    """A bucket's ARN."""
    return place.arn("s3", bucket_name(place, name), region="", account="")


def plan_stores(settings: Settings, place: Place) -> list[StoreSpec]:
    """The buckets of a stack, that of the logs first; none for a stack without."""
    stores = settings.stores
    if stores is None:
        return []
    kept = _rule("old-versions", noncurrent_version_expiration={"noncurrent_days": stores.versions_days})
    aged = _rule(
        "old-logs", expiration={"days": stores.logs_days}, noncurrent_version_expiration={"noncurrent_days": 1}
    )
    return [
        # They are looked at as long as there is something to look for: they go last, and with what is in them.
        _store(place, LOGS, rules=(aged, _ABANDONED), discard=True),
        _store(place, MODELS, rules=(kept, _ABANDONED), discard=stores.discard_with_stack),
        _store(place, DATA, rules=(kept, _ABANDONED), discard=stores.discard_with_stack),
    ]


def _store(place: Place, name: str, *, rules: tuple[dict[str, Any], ...], discard: bool) -> StoreSpec:
    arn, is_log = bucket_arn(place, name), name == LOGS
    written = [_access_logs(place, arn, of) for of in (MODELS, DATA)] if is_log else []
    return StoreSpec(
        name=name,
        bucket=bucket_name(place, name),
        arn=arn,
        policy=document(only_over_tls("s3", [arn, f"{arn}/*"]), *written),
        is_encrypted_by_key=not is_log,
        logs_to="" if is_log else bucket_name(place, LOGS),
        rules=rules,
        discard=discard,
        tags=place.tags(name),
    )


def access_prefix(name: str) -> str:
    """Where in the bucket of logs the record of another bucket is."""
    return f"access/{name}/"


def _access_logs(place: Place, logs: str, of: str) -> Statement:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html."""
    when = {
        "StringEquals": {"aws:SourceAccount": place.account},
        "ArnLike": {"aws:SourceArn": bucket_arn(place, of)},
    }
    writes = allow("s3:PutObject", f"{logs}/{access_prefix(of)}*", sid=f"AccessTo{of.title()}", when=when)
    return let({"Service": "logging.s3.amazonaws.com"}, writes)


def _rule(name: str, **what: Any) -> dict[str, Any]:
    return {"id": name, "status": "Enabled", "filter": {"prefix": ""}, **what}


_ABANDONED = _rule("abandoned-uploads", abort_incomplete_multipart_upload={"days_after_initiation": _ABANDONED_DAYS})
