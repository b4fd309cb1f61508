"""Locks on the engine cache: it is shared by every checkout and every `slipway` of this user."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slipway.progress import Phase


@contextmanager
def exclusively(lock: Path, phase: Phase, *, waiting_for: str) -> Iterator[None]:
    """Hold a lock file, and say what is waited for until it is free: two would do the same work twice.

    Args:
        lock: The file; it is made when absent, and stays.
        phase: Where the waiting is told.
        waiting_for: Who holds it.
    """
    with lock.open("w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                phase.note(f"waiting for {waiting_for}")
                time.sleep(1)
        yield


@contextmanager
def if_free(lock: Path) -> Iterator[bool]:
    """Hold a lock file if nobody else does; yields whether it is held now."""
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
