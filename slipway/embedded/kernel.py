"""The three Linux system calls that Python 3.11 does not offer: unshare(2), setns(2), mount(2)."""

import ctypes
import os
from enum import IntFlag

_LIBC = ctypes.CDLL(None, use_errno=True)


class Namespace(IntFlag):
    """Kinds of namespaces, as in namespaces(7)."""

    MOUNT = 0x00020000
    PID = 0x20000000
    NETWORK = 0x40000000


class Mount(IntFlag):
    """Flags of mount(2)."""

    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    BIND = 4096
    REC = 16384
    PRIVATE = 1 << 18
    SHARED = 1 << 20


_PLAIN = Mount(0)


def unshare(kinds: Namespace) -> None:
    """Move this process (for `PID`: its next children) into new namespaces.

    Raises:
        OSError: The kernel refused, or root's rights are missing.
    """
    _check(_LIBC.unshare(int(kinds)), "unshare")


def setns(handle: int, kinds: Namespace) -> None:
    """Join the namespaces of a process given by its pidfd, or one namespace given by its file.

    Raises:
        OSError: The kernel refused.
    """
    _check(_LIBC.setns(handle, int(kinds)), "setns")


def mount(source: str, target: str, kind: str = "", flags: Mount = _PLAIN, options: str = "") -> None:
    """Mount, bind, or change propagation: the system call of that name.

    Raises:
        OSError: The kernel refused; the message carries the target.
    """
    result = _LIBC.mount(
        source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(int(flags)), options.encode() or None
    )
    _check(result, f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
