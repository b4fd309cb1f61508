"""What stands around the batcher of a model on slipway-kit: a cache, who answers in its place, and people.

The bounds are the kit's own (bentos/kit/slipway_kit/around/settings.py); a test holds the two together.
"""

import re
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, model_validator

from infra.caching import IN_CLUSTER
from infra.settings.amounts import Bytes, up_to
from infra.settings.section import Absent, Section
from infra.settings.texts import matching, written
from infra.settings.wording import shown

# Printable ASCII without `@`, which stands behind a user or a password and nowhere else.
_REST = "[!-?A-~]+"
_REDIS = rf"(?:{IN_CLUSTER}|(?:rediss?|unix)://{_REST})"
_QUEUE = rf"https?://(?!.*\.fifo$){_REST}"
_IN_A_QUERY = re.compile("user|pass|credential", re.IGNORECASE)

Step = Literal["smaller", "cached", "default"]


def _without_credentials(remedy: str) -> AfterValidator:
    """Of a URL that anybody may read. What it says instead is not repeated, as it would be a secret in a log."""

    def check(url: str) -> str:
        asked = parse_qsl(url.partition("?")[2], keep_blank_values=True)
        if "@" in url or any(_IN_A_QUERY.search(key) for key, _ in asked):
            msg = f"holds a user or a password, and stack files hold no secrets: take it out; {remedy}"
            raise ValueError(msg)
        return url

    return AfterValidator(check)


def _of_redis(url: str) -> str:
    try:
        has_form = re.fullmatch(_REDIS, url) is not None and urlsplit(url).port != 0
    except ValueError:  # what stands for the port is none
        has_form = False
    if not has_form:
        msg = f"{shown(url)} is not a URL of Redis; write one such as rediss://cache.internal:6379, or {IN_CLUSTER}"
        raise ValueError(msg)
    return url


def _once(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    if not steps or len({*steps}) < len(steps):
        msg = "names none, or one twice; write some of smaller, cached, default, each once, or take the key out"
        raise ValueError(msg)
    return steps


RedisUrl = Annotated[
    str,
    _without_credentials("its network says who reaches a Redis, by a security group or a NetworkPolicy"),
    AfterValidator(_of_redis),
    written(_REDIS),
]
QueueUrl = Annotated[
    str,
    _without_credentials("a pod sends as its own role"),
    matching(
        _QUEUE,
        "the URL of a standard queue (no .fifo) of SQS, such as "
        "https://sqs.us-east-1.amazonaws.com/111122223333/review",
    ),
    written(_QUEUE),
]
Fallback = Annotated[
    tuple[Step, ...], AfterValidator(_once), Field(json_schema_extra={"minItems": 1, "uniqueItems": True})
]


class Cache(Section):
    """Answers that are kept, and given again to the same item: in each replica's memory, in a Redis, or in both."""

    memory: Annotated[Annotated[Bytes, up_to("1Ti")] | None, Absent()] = None
    """Bytes of answers that each replica keeps; they count towards `resources.memory`."""
    seconds: Annotated[float, Field(ge=0.001, le=31_536_000, strict=True)] = 300
    """For which an answer is as good as a new one."""
    shared: Annotated[RedisUrl | None, Absent()] = None
    """What replicas share: `cluster` for that of slipway:cache, or the URL of a Redis, without a user or a password."""

    @model_validator(mode="after")
    def _keeps(self) -> "Cache":
        if self.memory is None and self.shared is None:
            msg = "has neither `memory` nor `shared`, so that nothing would be kept; write one of them, or both"
            raise ValueError(msg)
        return self


class Breaker(Section):
    """When a model that fails is left alone for a while, and who stands in for it is asked at once."""

    failures: Annotated[float, Field(ge=0.01, le=1, strict=True)] = 0.5
    """Share of the last calls that have failed when it is."""
    seconds: Annotated[float, Field(ge=0.1, le=3600, strict=True)] = 10
    """Until one item tries it again; the same for a Redis that fails."""


class Review(Section):
    """What a model is not sure of goes to people, on a queue of SQS. Its class says how sure it is (`confidence`)."""

    below: Annotated[float, Field(ge=0, le=1, strict=True)]
    """Confidence, from 0 to 1, below which an item and its answer are sent."""
    queue: Annotated[QueueUrl | None, Absent()] = None
    """URL of a standard queue that exists. Where EKS makes the cluster, it is one of the stack's account and region, or
    left out: the model then has one of its own. Everywhere else it has to be named."""
