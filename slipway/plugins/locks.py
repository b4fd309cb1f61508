"""Locks of Pulumi's file backend that a killed engine left behind.

The engine writes who holds a stack (`pid`, `hostname`) and removes it when it ends; one that was killed cannot.
https://github.com/pulumi/pulumi/blob/master/pkg/backend/diy/lock.go
"""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path


def remove_stale(state: Path) -> list[int]:
    """Remove the locks whose holder is no longer on this machine.

    Args:
        state: The backend's folder.

    Returns:
        The pids that held them.
    """
    gone: list[int] = []
    for lock, pid in _locks(state):
        if not _is_pulumi(pid):
            lock.unlink(missing_ok=True)
            gone.append(pid)
    return gone


def holders(state: Path) -> list[int]:
    """The pids of the engines that are at work in a backend on this machine.

    Args:
        state: The backend's folder.
    """
    return [pid for _, pid in _locks(state) if _is_pulumi(pid)]


def _locks(state: Path) -> Iterator[tuple[Path, int]]:
    """The locks that were taken on this machine, with their holders."""
    for lock in (state / ".pulumi" / "locks").rglob("*.json"):
        try:
            holder = json.loads(lock.read_text())
            pid = int(holder["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if holder.get("hostname") == socket.gethostname():
            yield lock, pid


def _is_pulumi(pid: int) -> bool:
    """Whether a pid is that of a Pulumi engine now (it may have been given to another program)."""
    try:
        return (
            b"pulumi" in Path(f"/proc/{pid}/cmdline").read_bytes() and Path(f"/proc/{pid}").stat().st_uid == os.getuid()
        )
    except OSError:
        return False
