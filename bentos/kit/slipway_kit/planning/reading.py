"""How much of what an event loop reads in one turn is admitted, where reading takes more time than computing does.

A batch is planned with the model's time alone. Where HTTP costs more than the model, what is too much shows in the
turns of the loop: each reads all that has come, so the more comes, the longer it takes, and the more has come by its
end. A turn therefore admits what it reads in its first part, and the rest is refused unread, for a third of what an
answer costs. How long that part is follows from how long turns take (integral control), in processor time first of
all: short of the target, all is admitted; beyond it less, of low priority first. What DAGOR does with queueing times
for a service (Zhou et al., SoCC 2018), this does for an event loop.
"""

from __future__ import annotations

from slipway_kit.planning.entry import Priority

_TARGET = 1 / 20
"""Of the objective: what a turn is to take. What comes just after one has begun waits for it, and for the next. Long
turns also cost more for each request: what belongs to its connection has left the processor's caches meanwhile."""
_LOSSES = 4.0
"""Times the target, that a turn may take where most of it is a neighbour's: it must end in time all the same."""
_FIRST = {Priority.LOW: 1 / 8, Priority.NORMAL: 1 / 8, Priority.HIGH: 1 / 2}
"""Of the objective: the part of a turn that admits, without pressure. After a stall, much has come at once."""
_ALWAYS = 16
"""Requests of a turn that are admitted in any case, without pressure: where few come, a turn that lasts has lost its
core to a neighbour."""
_FROM = {Priority.LOW: 0.0, Priority.NORMAL: 2.0, Priority.HIGH: 6.0}
"""Pressure from which on a priority's part is halved, once more for each unit."""
_MOST = 8.0
"""Pressure, at most: some are admitted in every turn, since refusing alone serves nobody."""
_GAIN = 5.0
"""Change of the pressure in an objective's time, for each target's length that turns are too long, or too short by."""
_LONGEST = 4.0
"""Targets' lengths that a turn counts as, at most."""
_MOST_AT_ONCE = 2.0
"""By which one turn changes the pressure: it may have lost its core to a neighbour."""


class Reading:
    """What an event loop with one objective (seconds) admits of what it reads."""

    def __init__(self, objective: float) -> None:
        self._objective = objective
        self._first = [0.0] * len(Priority)
        self._always = [0.0] * len(Priority)
        self._press(0.0)

    @property
    def pressure(self) -> float:
        """0 where turns are short; the higher, the less is admitted."""
        return self._pressure

    def turned(self, seconds: float, worked: float, *, was_busy: bool) -> None:
        """A turn took so long, or so long nothing was to be done.

        Args:
            seconds: From its begin to that of the next.
            worked: Of them, those that the thread had a core. What a neighbour took makes turns longer as well, but
                not shorter again if less is admitted: then most would be refused, and more the less there is to do.
            was_busy: Whether there was something to do all the time.
        """
        took = seconds / self._objective
        length = max(worked / self._objective, took / _LOSSES)
        excess = min(length / _TARGET, _LONGEST) - 1 if was_busy else -1.0
        pressure = min(max(self._pressure + min(_GAIN * took * excess, _MOST_AT_ONCE), 0.0), _MOST)
        if pressure != self._pressure:
            self._press(pressure)

    def _press(self, pressure: float) -> None:
        self._pressure = pressure
        for priority in Priority:
            part = 0.5 ** max(pressure - _FROM[priority], 0.0)
            self._first[priority] = self._objective * _FIRST[priority] * part
            self._always[priority] = _ALWAYS * part

    def admits(self, priority: Priority, elapsed: float, number: int) -> bool:
        """Whether the request that is the turn's so many-th, read so many seconds after its first, is admitted."""
        return elapsed <= self._first[priority] or number <= self._always[priority]
