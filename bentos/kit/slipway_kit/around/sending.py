"""Sends what is spooled to SQS, from a thread of its own, for as long as it takes.

Delivery is at least once: a batch whose answer was lost is sent again. botocore is used without boto3, whose resources
and transfers nobody needs here; its own retries are off, as tenacity's go on until the process ends.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import botocore.session
import tenacity
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError

from slipway_kit.around.metrics import Loss
from slipway_kit.around.spool import Message, Spool
from slipway_kit.logs import logger
from slipway_kit.variables import SettingsError

_CONNECT_SECONDS = 2.0
_READ_SECONDS = 5.0
_FIRST_SECONDS = 0.1
_MOST_SECONDS = 20.0
"""Between two attempts, at random below a bound that doubles from the first to the last of these."""
_CLOSING_SECONDS = 0.5
"""Between two attempts once the process ends."""
_REJECTIONS = 3
"""After which a message that the queue calls wrong is given up."""


class _UndeliveredError(Exception):
    """Not all of a batch was taken."""


class Sender:
    """A thread that empties a spool.

    Args:
        spool: What to send.
        queue_url: Of a standard queue.

    Raises:
        SettingsError: There is no region.
    """

    def __init__(self, spool: Spool, queue_url: str) -> None:
        self._spool = spool
        self._queue_url = queue_url
        self._client = _client()
        self._closing = threading.Event()
        self._given_up = threading.Event()
        self._is_failing = False
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_UndeliveredError),
            wait=tenacity.wait_random_exponential(multiplier=_FIRST_SECONDS, max=_MOST_SECONDS),
            stop=tenacity.stop_when_event_set(self._given_up),
            sleep=self._sleep,
        )
        self._thread = threading.Thread(target=self._run, name="slipway-review", daemon=True)
        self._thread.start()

    def close(self, grace_seconds: float) -> int:
        """Send what is left; after the grace, write it into the log. How much that was is returned."""
        deadline = time.monotonic() + grace_seconds
        self._spool.close()
        self._closing.set()
        self._thread.join(max(deadline - time.monotonic(), 0))
        self._given_up.set()
        return self._spool.give_up()

    def _run(self) -> None:
        try:
            while self._retrying(self._round):
                pass
        except tenacity.RetryError:
            pass  # the process ends; `close` tells what is left

    def _round(self) -> bool:
        """Send a batch; whether more may come.

        Raises:
            _UndeliveredError: Some of it has to be sent again.
        """
        batch = self._spool.take()
        if not batch:
            return False
        try:
            failed = self._send(batch)
        except Exception as error:  # noqa: BLE001  # whatever it is, the messages are still here
            self._note_failing(repr(error))
            failed = batch
        self._spool.settle(failed)
        if failed:
            raise _UndeliveredError
        if self._is_failing:
            self._is_failing = False
            logger.info("the review queue takes items again")
        return True

    def _send(self, batch: list[Message]) -> list[Message]:
        """Those that were not taken, and are worth another try."""
        entries = [{"Id": str(place), "MessageBody": message.body} for place, message in enumerate(batch)]
        told = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        taken = {int(each["Id"]) for each in told.get("Successful", ())}
        said = {int(each["Id"]): each for each in told.get("Failed", ())}
        again = []
        for place, message in enumerate(batch):
            if place in taken:
                continue
            fault = said.get(place, {})
            self._note_failing(f"{fault.get('Code')}: {fault.get('Message')}")
            message.rejections += bool(fault.get("SenderFault"))
            if message.rejections >= _REJECTIONS:
                self._spool.forget(message, Loss.REJECTED)
            else:
                again.append(message)
        return again

    def _sleep(self, seconds: float) -> None:
        if not self._closing.wait(seconds):
            return
        self._given_up.wait(min(seconds, _CLOSING_SECONDS))

    def _note_failing(self, error: str) -> None:
        if not self._is_failing:
            self._is_failing = True
            fields = {"queue": self._queue_url, "error": error}
            logger.warning("the review queue does not take items; they wait in memory", extra={"fields": fields})


def _client() -> Any:
    try:
        return botocore.session.get_session().create_client(
            "sqs",
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"total_max_attempts": 1},
            ),
        )
    except NoRegionError:
        raise SettingsError(
            ["SLIPWAY_REVIEW_QUEUE_URL is set, and no region is: set AWS_DEFAULT_REGION to the queue's"]
        ) from None
    except (BotoCoreError, ValueError) as error:
        raise SettingsError([f"SLIPWAY_REVIEW_QUEUE_URL is set, and no client of SQS can be made: {error}"]) from error
