"""Stops a server again and again for a moment, as a neighbour does that takes its core."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import psutil

_EVERY = 0.025
"""Seconds from one stop to the next."""
_STOPPED = 0.01
"""Seconds of each."""


@contextlib.contextmanager
def stalled(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Have these stand still for 10 of every 25 ms; at the end all of them run."""
    ended = threading.Event()

    def stall() -> None:
        while not ended.wait(_EVERY - _STOPPED):
            try:
                _each(processes, psutil.Process.suspend)
                time.sleep(_STOPPED)
            finally:
                _each(processes, psutil.Process.resume)

    thread = threading.Thread(target=stall, name="stalls")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _each(processes: Sequence[psutil.Process], do: Callable[[psutil.Process], None]) -> None:
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            do(each)
