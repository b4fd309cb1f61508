"""What needs packages that the kit alone does not bring: Redis (extra `cache`) and SQS (extra `review`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slipway_kit.around.metrics import AroundMetrics
from slipway_kit.around.review import Review
from slipway_kit.around.settings import AroundSettings
from slipway_kit.around.spool import Spool
from slipway_kit.model import Contract
from slipway_kit.variables import SettingsError

if TYPE_CHECKING:
    from slipway_kit.around.shared import SharedCache


def shared(
    settings: AroundSettings,
    contract: Contract,
    version: str,
    metrics: AroundMetrics,
    clock: Callable[[], float],
) -> SharedCache:
    """Redis, as SLIPWAY_CACHE_URL names it; it need not be there.

    Raises:
        SettingsError: redis-py is not installed, or the URL is none.
    """
    try:
        from slipway_kit.around.shared import SharedCache
    except ImportError as error:
        raise _lacking("SLIPWAY_CACHE_URL", "cache", error) from error
    try:
        return SharedCache(settings, f"slipway:{contract.name}:{version}:", metrics, clock)
    except ValueError as error:
        raise SettingsError([f"SLIPWAY_CACHE_URL is no URL of Redis: {error}"]) from error


def review(model: Any, contract: Contract, version: str, settings: AroundSettings, metrics: AroundMetrics) -> Review:
    """The review queue, as SLIPWAY_REVIEW_QUEUE_URL names it; it need not be there.

    Raises:
        SettingsError: botocore or tenacity is not installed, or botocore lacks a region.
    """
    try:
        from slipway_kit.around.sending import Sender
    except ImportError as error:
        raise _lacking("SLIPWAY_REVIEW_QUEUE_URL", "review", error) from error
    spool = Spool(settings.review_spool_items, metrics)
    return Review(
        model=model,
        name=contract.name,
        version=version,
        below=settings.review_below if settings.review_below is not None else 0.0,
        spool=spool,
        sender=Sender(spool, settings.review_queue_url),
        metrics=metrics,
    )


def _lacking(variable: str, extra: str, error: ImportError) -> SettingsError:
    return SettingsError([f"{variable} is set, and {error.name} is not installed: install slipway-kit[{extra}]"])
