"""Items for review that the queue does not have yet: bounded, and never forgotten without a line in the log."""

from __future__ import annotations

import threading
from collections import deque

import msgspec

from slipway_kit.around.metrics import AroundMetrics, Loss
from slipway_kit.logs import logger

_MOST_BYTES = 16 << 20
"""Of bodies, whatever their number."""
BATCH_ITEMS = 10
BATCH_BYTES = 256 << 10
"""Of SQS, for one message and for all of a batch; 1 MiB where AWS has raised it, which not every endpoint knows.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""


class Message:
    """An item for review as the queue gets it."""

    __slots__ = ("body", "rejections")

    def __init__(self, body: str) -> None:
        self.body = body
        """JSON in ASCII, so that its characters are its bytes, and that SQS takes each of them."""
        self.rejections = 0
        """How often the queue said that the message itself is wrong."""


class Spool:
    """Between the event loop, which never waits for it, and the thread that sends.

    Args:
        most: Items.
        metrics: Told of each, under this one's lock.
    """

    def __init__(self, most: int, metrics: AroundMetrics) -> None:
        self._most = most
        self._metrics = metrics
        self._change = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._sending: list[Message] = []
        self._bytes = 0
        self._is_closed = False

    def offer(self, message: Message) -> bool:
        """Take a message, or write it into the log; which of both is told."""
        size = len(message.body)
        with self._change:
            is_full = len(self._waiting) + len(self._sending) >= self._most or self._bytes + size > _MOST_BYTES
            loss = Loss.TOO_LARGE if size > BATCH_BYTES else Loss.SPOOL_FULL if is_full else None
            if self._is_closed:
                loss = Loss.SHUTDOWN
            if loss is None:
                self._waiting.append(message)
                self._bytes += size
                self._metrics.queued += 1
                self._note()
                self._change.notify()
        if loss is not None:
            self.lose([message], loss)
        return loss is None

    def take(self) -> list[Message]:
        """The next batch, once there is one; nothing any more after `close`, when all has been taken."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._is_closed)
            size = 0
            while self._waiting and len(self._sending) < BATCH_ITEMS:
                size += len(self._waiting[0].body)
                if size > BATCH_BYTES:
                    break
                self._sending.append(self._waiting.popleft())
            return list(self._sending)

    def settle(self, undelivered: list[Message]) -> None:
        """The batch was sent, but for these: they come again behind the others."""
        with self._change:
            if not self._sending:
                return  # too late: the end has come, and they have been given up
            self._metrics.sent += len(self._sending) - len(undelivered)
            self._metrics.retried += len(undelivered)
            self._bytes -= sum(len(message.body) for message in self._sending if message not in undelivered)
            self._waiting.extend(undelivered)
            self._sending.clear()
            self._note()

    def forget(self, message: Message, loss: Loss) -> None:
        """Write one of the batch into the log instead of sending it again."""
        with self._change:
            if message not in self._sending:
                return
            self._sending.remove(message)
            self._bytes -= len(message.body)
            self._note()
        self.lose([message], loss)

    def close(self) -> None:
        """Take no more."""
        with self._change:
            self._is_closed = True
            self._change.notify_all()

    def give_up(self) -> int:
        """Write all that is left into the log; how much that was."""
        with self._change:
            left = [*self._sending, *self._waiting]
            self._sending.clear()
            self._waiting.clear()
            self._bytes = 0
            self._note()
        self.lose(left, Loss.SHUTDOWN)
        return len(left)

    def lose(self, messages: list[Message], loss: Loss) -> None:
        """Write messages into the log, whole, so that they can be sent from there."""
        with self._change:
            self._metrics.lost[loss] += len(messages)
        for message in messages:
            fields = {"reason": loss.value, "review": msgspec.json.decode(message.body)}
            logger.error("an item for review is not in the queue", extra={"fields": fields})

    def _note(self) -> None:
        self._metrics.spooled = len(self._waiting) + len(self._sending)
