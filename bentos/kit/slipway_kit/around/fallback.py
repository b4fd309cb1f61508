"""Who answers when the model fails, one after the other until one does."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from slipway_kit.around.cache import ResultCache
from slipway_kit.around.memory import Stored
from slipway_kit.around.metrics import AroundMetrics
from slipway_kit.around.settings import Step
from slipway_kit.around.smaller import Smaller
from slipway_kit.logs import logger
from slipway_kit.model import Contract, ItemError, OutputsError
from slipway_kit.requests import Request

_KEPT = 0.1
"""Share of the time left that `smaller` leaves to the steps behind it, which need next to none."""


class Substitute(NamedTuple):
    """An answer that is not the model's."""

    step: Step
    output: Any
    stored: Stored | None = None
    """Where it was kept."""


class Chain:
    """The steps of SLIPWAY_FALLBACK.

    Args:
        steps: In the order they are tried.
        model: An instance of the author's class, which has what they need: `contract.check` has seen to it.
        contract: What the model promises.
        cache: Where old answers are.
        metrics: Told of steps that had no answer.
    """

    def __init__(
        self,
        steps: tuple[Step, ...],
        model: Any,
        contract: Contract,
        cache: ResultCache | None,
        metrics: AroundMetrics,
    ) -> None:
        self._steps = steps
        self._model = model
        self._contract = contract
        self._cache = cache
        self._metrics = metrics
        self._smaller = Smaller(model, contract) if Step.SMALLER in steps else None
        self._logged: BaseException | None = None

    async def substitute(
        self, item: Any, key: bytes | None, request: Request | None, deadline: float
    ) -> Substitute | None:
        """The first answer that a step has; none if none has any.

        Args:
            item: What to answer.
            key: Under which answers to it are kept, if there is a cache.
            request: Whose it is.
            deadline: Seconds by `time.monotonic`.
        """
        for place, step in enumerate(self._steps):
            try:
                if step is Step.SMALLER and self._smaller is not None:
                    now = time.monotonic()
                    kept = _KEPT * (deadline - now) if place + 1 < len(self._steps) else 0.0
                    return Substitute(step, await self._smaller.answer(item, request, deadline - kept))
                if step is Step.CACHED and self._cache is not None and key is not None:
                    stored = self._cache.any(key)
                    if stored is not None:
                        return Substitute(step, self._cache.decode(stored.encoded), stored)
                if step is Step.DEFAULT:
                    return Substitute(step, self._default(item))
            except Exception as error:  # noqa: BLE001  # whatever an author's code raises, the next step is tried
                self._note(step, error)
            self._metrics.steps_failed[step] += 1
        return None

    def close(self) -> None:
        """Compute no more."""
        if self._smaller is not None:
            self._smaller.close()

    def _default(self, item: Any) -> Any:
        output = self._model.default(item)
        if not isinstance(output, self._contract.output | ItemError):
            raise OutputsError(
                f"{self._contract.name}.default gave a {type(output).__name__} where it promises "
                f"{self._contract.output.__name__}"
            )
        return output

    def _note(self, step: Step, error: Exception) -> None:
        if error is self._logged:  # it failed a whole batch, and each item comes by here
            return
        self._logged = error
        fields = {"step": step.value}
        if isinstance(error, TimeoutError):
            logger.warning("a fallback had no answer in time", extra={"fields": fields})
        else:
            logger.error("a fallback failed", exc_info=error, extra={"fields": fields})
