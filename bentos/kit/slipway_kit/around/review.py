"""Which answers people should see, and the message that shows them."""

from __future__ import annotations

import datetime as dt
import enum
import json
from typing import Any, Protocol

import msgspec

from slipway_kit.answers import written
from slipway_kit.around.metrics import AroundMetrics, Loss
from slipway_kit.around.spool import Message, Spool


class Mark(enum.StrEnum):
    """What a client is told of an answer of low confidence."""

    QUEUED = "queued"
    """People will see it."""
    DROPPED = "dropped"
    """They will not, unless somebody takes it from the log."""


class Closes(Protocol):
    """What empties the spool."""

    def close(self, grace_seconds: float) -> int:
        """Empty it, or write what is left into the log; how much that was is returned."""
        ...


class Review:
    """Asks the author's `confidence`, and hands what is below the threshold to the spool.

    Args:
        model: An instance of the author's class.
        name: Of the model.
        version: Of the model.
        below: The threshold: what has it is not reviewed.
        spool: Where messages wait.
        sender: What empties it.
        metrics: Told of each loss.
    """

    def __init__(
        self,
        *,
        model: Any,
        name: str,
        version: str,
        below: float,
        spool: Spool,
        sender: Closes,
        metrics: AroundMetrics,
    ) -> None:
        self._confidence = model.confidence
        self._name = name
        self._version = version
        self._below = below
        self._spool = spool
        self._sender = sender
        self._metrics = metrics

    def mark(self, item: Any, output: Any, request_id: str, *, is_queued: bool = False) -> Mark | None:
        """What becomes of an answer; nothing, if its confidence suffices.

        Args:
            item: What was asked.
            output: What was answered.
            request_id: Of the request, as in `x-request-id`.
            is_queued: Whether people were given it before, so that it is only marked.
        """
        confidence: float | None = None
        try:
            confidence = float(self._confidence(output))
        except Exception as error:  # noqa: BLE001  # an author's code; the answer is there all the same
            message = self._message(item, output, None, request_id, error=repr(error))
            self._spool.lose([message], Loss.CONFIDENCE_FAILED)
            return Mark.DROPPED
        if confidence >= self._below:  # not a number is below everything
            return None
        if is_queued or self._spool.offer(self._message(item, output, confidence, request_id)):
            return Mark.QUEUED
        return Mark.DROPPED

    def close(self, grace_seconds: float) -> int:
        """Send what waits; after the grace it is logged. How much that was is returned."""
        return self._sender.close(grace_seconds)

    def _message(self, item: Any, output: Any, confidence: float | None, request_id: str, **more: str) -> Message:
        body = {
            "request_id": request_id,
            "model": self._name,
            "version": self._version,
            "item": item,
            "output": output,
            "confidence": confidence,
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            **more,
        }
        encoded = written(body, msgspec.json.encode)
        # SQS refuses some characters that JSON may have; escaped, there are none.
        return Message(
            encoded.decode() if encoded.isascii() else json.dumps(json.loads(encoded), separators=(",", ":"))
        )
