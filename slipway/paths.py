"""Where Slipway keeps things on a machine: the XDG base directories, read afresh at each call.

https://specifications.freedesktop.org/basedir-spec/latest/
"""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import platformdirs

from slipway.errors import PreflightError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
REPOSITORY = Path(__file__).resolve().parent.parent
"""The checkout this command was installed from (an editable install)."""


def cache() -> Path:
    """What can be made again from its pin: engines, base images. Shared by every checkout."""
    return Path(platformdirs.user_cache_path("slipway"))


def state() -> Path:
    """What an instance would lose work without: cluster data, Pulumi state, keys."""
    return Path(platformdirs.user_state_path("slipway"))


def runtime() -> Path:
    """What ends with the machine's uptime: sockets and process records.

    For root it is one place, whichever way root logged in: instances outlive logins, and `/run/user/0` does not. A user
    who has not logged in has no such folder, and gets one among temporary files, where others can make one as well.

    Raises:
        PreflightError: It is another user's, or others may write there.
    """
    user = os.geteuid()
    if user == 0:
        return Path("/run/slipway")
    given = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{user}"
    if os.access(given, os.W_OK):
        return Path(given, "slipway")
    folder = Path(tempfile.gettempdir(), f"slipway-{user}")
    with suppress(FileNotFoundError):
        seen = folder.lstat()  # and not what a link leads to
        if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != user or seen.st_mode & _OTHERS_WRITE:
            msg = f"{folder} is not a folder of yours that only you may write to"
            raise PreflightError(msg, remedy="remove it, or set XDG_RUNTIME_DIR to a folder of your own")
    return folder
