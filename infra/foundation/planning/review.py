"""Review: queues on which what a model is not sure of waits for people; one for each model that names none.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
"""

from dataclasses import dataclass
from typing import Any

from infra.encryption import using
from infra.iam import allow, document, only_over_tls
from infra.place import Place
from infra.settings import EksCluster, Settings
from infra.settings.around import Review
from infra.settings.aws import queues_of

KEY = "review"
"""The purpose of the key that all of them are encrypted with."""
_KEPT_SECONDS = 14 * 24 * 3600
"""The most that SQS takes: people are away for a week."""


@dataclass(frozen=True, kw_only=True)
class ReviewQueueSpec:
    """The queue of one model.

    Attributes:
        model: The model.
        queue: Its name.
        arn: Its ARN.
        url: Its URL, by which it is written to and read.
        kept_seconds: How long a message stays.
        policy: Who may not do what.
        tags: Its tags.
    """

    model: str
    queue: str
    arn: str
    url: str
    kept_seconds: int
    policy: dict[str, Any]
    tags: dict[str, str]


def plan_reviews(settings: Settings, place: Place) -> list[ReviewQueueSpec]:
    """The queues that a stack makes; none where EKS does not make its cluster, as no pod has a role there."""
    if not isinstance(settings.cluster, EksCluster):
        return []
    reviews = {name: model.serving.review for name, model in settings.models.items()}
    return [_queue(place, name) for name, review in reviews.items() if review and not review.queue]


def sends(place: Place, model: str, review: Review) -> dict[str, Any]:
    """The document of a model that sends to its queue, and to no other.

    Args:
        place: Where it is.
        model: The model.
        review: What its entry says. Where it names a queue, that one's own key, if it has any, lets the model in.
    """
    name = review.queue.rpartition("/")[2] if review.queue else _name(place, model)
    sending = allow("sqs:SendMessage", place.arn("sqs", name), sid="SendsForReview")
    # Of a data key that it is given, SQS checks that it can be had back.
    encrypting = using(place, KEY, "kms:GenerateDataKey", "kms:Decrypt", via="sqs")
    return document(sending) if review.queue else document(sending, encrypting)


def _name(place: Place, model: str) -> str:
    """SQS takes 80 characters: 27 are a stack's at most, 8 are in between, and 40 are a model's."""
    return f"{place.prefix}-review-{model}"


def _queue(place: Place, model: str) -> ReviewQueueSpec:
    name = _name(place, model)
    arn = place.arn("sqs", name)
    return ReviewQueueSpec(
        model=model,
        queue=name,
        arn=arn,
        url=f"{queues_of(place.region, place.account)}{name}",
        kept_seconds=_KEPT_SECONDS,
        policy=document(only_over_tls("sqs", arn)),
        tags=place.tags(f"review-{model}", model=model),
    )
