"""The keys of an environment: for Secrets in etcd, models and data in S3, logs in CloudWatch, what goes to people."""

from infra.encryption import KeySpec, key
from infra.foundation.planning.review import KEY as REVIEW
from infra.foundation.planning.review import plan_reviews
from infra.iam import Statement, allow, let
from infra.place import Place
from infra.settings import EksCluster, Settings

SECRETS, DATA, LOGS = "secrets", "data", "logs"


def plan_keys(settings: Settings, place: Place) -> list[KeySpec]:
    """The keys that a stack's layers need."""
    is_eks = isinstance(settings.cluster, EksCluster)
    keys: list[KeySpec] = []
    if settings.network is not None or is_eks:
        keys.append(key(place, LOGS, f"Logs of {place.stack}", _by_logs(place)))
    if is_eks:
        keys.append(key(place, SECRETS, f"Secrets in the cluster of {place.stack}"))
    if settings.stores is not None:
        keys.append(key(place, DATA, f"Models and data of {place.stack}"))
    if plan_reviews(settings, place):
        keys.append(key(place, REVIEW, f"What models of {place.stack} send to people"))
    return keys


def _by_logs(place: Place) -> Statement:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html."""
    actions = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    groups = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": place.arn("logs", "log-group:*")}}
    return let(
        {"Service": f"logs.{place.region}.amazonaws.com"}, allow(actions, "*", sid="LogsAreEncrypted", when=groups)
    )
