"""What a model's container is told: the variables of slipway-kit. Pure.

bentos/kit/slipway_kit/settings.py and bentos/kit/slipway_kit/around/settings.py have them, with their bounds.
"""

from infra.caching import CACHE_URL, IN_CLUSTER
from infra.settings.around import Breaker, Cache, Review
from infra.settings.models import Serving
from infra.settings.quantities import bytes_of

_REGION = "AWS_DEFAULT_REGION"
"""What botocore reads; unlike other SDKs, it does not look at AWS_REGION."""


def environment(serving: Serving, *, region: str, review: str = "") -> dict[str, str]:
    """Variables by name. Of what stands around the batcher, those that are written; the rest is off in the kit.

    Args:
        serving: What the stack file says.
        region: The stack's.
        review: URL of the queue that the stack makes for the model; empty where it makes none.
    """
    return {
        "SLIPWAY_OBJECTIVE_MS": str(serving.objective),
        "SLIPWAY_MAX_BATCH": str(serving.max_batch),
        "SLIPWAY_CONCURRENCY": str(serving.concurrency),
        "SLIPWAY_QUEUE_ITEMS": str(serving.queue),
        "SLIPWAY_QUEUE_BYTES": str(bytes_of(serving.queue_memory)),
        "SLIPWAY_MAX_BODY_BYTES": str(bytes_of(serving.largest_request)),
        **(_cache(serving.cache) if serving.cache else {}),
        **({"SLIPWAY_FALLBACK": ",".join(serving.fallback)} if serving.fallback else {}),
        **(_breaker(serving.breaker) if serving.breaker else {}),
        **(_review(serving.review, region, review) if serving.review else {}),
    }


def _cache(cache: Cache) -> dict[str, str]:
    return {
        **({"SLIPWAY_CACHE_BYTES": str(bytes_of(cache.memory))} if cache.memory else {}),
        "SLIPWAY_CACHE_SECONDS": _number(cache.seconds),
        **({"SLIPWAY_CACHE_URL": CACHE_URL if cache.shared == IN_CLUSTER else cache.shared} if cache.shared else {}),
    }


def _breaker(breaker: Breaker) -> dict[str, str]:
    return {
        "SLIPWAY_BREAKER_FAILURES": _number(breaker.failures),
        "SLIPWAY_BREAKER_SECONDS": _number(breaker.seconds),
    }


def _review(review: Review, region: str, made: str) -> dict[str, str]:
    return {
        "SLIPWAY_REVIEW_BELOW": _number(review.below),
        "SLIPWAY_REVIEW_QUEUE_URL": review.queue or made,
        _REGION: region,
    }


def _number(value: float) -> str:
    """As it is in the stack file: 300, not 300.0."""
    return str(int(value)) if float(value).is_integer() else str(float(value))
