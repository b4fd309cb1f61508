"""A circuit breaker: what keeps failing is left alone for a while, and then tried by one call at a time.

The pattern is Nygard's (Release It!); docs/decisions/0005 says why it is none of the libraries. It belongs to one event
loop.
"""

from __future__ import annotations

import enum
import math
import time
from collections import deque
from collections.abc import Callable


class State(enum.IntEnum):
    """As `slipway_breaker_state` tells it."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2


class Breaker:
    """Each admitted call is told of with one of `succeeded`, `failed` and `withdrawn`, and with its permit.

    Args:
        share: Of the last calls, how many have to fail for it to open.
        seconds: For which it stays open; also for which a probe keeps others away, should nobody tell how it ended.
        calls: How many are the last calls.
        least: Calls that have to be known before it opens.
        failures: Failures with different causes that it takes to open: a batch that fails is one, whatever its size.
        clock: Seconds.
        changed: Called with each new state.
    """

    def __init__(
        self,
        *,
        share: float,
        seconds: float,
        calls: int = 100,
        least: int = 10,
        failures: int = 3,
        clock: Callable[[], float] = time.monotonic,
        changed: Callable[[State], object] = lambda _: None,
    ) -> None:
        self._share, self._seconds, self._least, self._failures = share, seconds, least, failures
        self._clock, self._changed = clock, changed
        self._last: deque[int] = deque(maxlen=calls)  # the number of the failure, 0 for a success
        self._cause: BaseException | None = None
        self._failure = 0
        self._permit = 0
        self._until = -math.inf  # open: until then; half-open: until then the probe has time
        self.state = State.CLOSED

    @property
    def retry_after(self) -> float:
        """Seconds until it may admit a call."""
        return max(self._until - self._clock(), 0.0) if self.state is not State.CLOSED else 0.0

    def admit(self) -> int | None:
        """A permit to call; none while it is open, or while another probes."""
        if self.state is not State.CLOSED:
            if self._clock() < self._until:
                return None
            self._permit += 1  # of the probe alone: what was begun before tells nothing of now
            self._until = self._clock() + self._seconds
            self._enter(State.HALF_OPEN)
        return self._permit

    def succeeded(self, permit: int) -> None:
        """The call of this permit did what it should."""
        if permit != self._permit:
            return
        self._last.append(0)
        self._cause = None
        if self.state is State.HALF_OPEN:
            self._last.clear()
            self._enter(State.CLOSED)

    def failed(self, permit: int, cause: BaseException | None = None) -> None:
        """It did not; those that name one and the same cause failed together."""
        if permit != self._permit:
            return
        if cause is None or cause is not self._cause:
            self._failure += 1
        self._cause = cause
        self._last.append(self._failure)
        failures = [number for number in self._last if number]
        is_known = len(self._last) >= self._least and len(set(failures)) >= self._failures
        if self.state is State.HALF_OPEN or (is_known and len(failures) >= self._share * len(self._last)):
            self._permit += 1
            self._until = self._clock() + self._seconds
            self._cause = None
            self._enter(State.OPEN)

    def withdrawn(self, permit: int) -> None:
        """It ended without telling anything: refused, or nobody waits for it."""
        if permit == self._permit and self.state is State.HALF_OPEN:
            self._until = -math.inf

    def _enter(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self._changed(state)
