"""Whether this machine can carry an instance: everything it lacks, at once, before anything is started."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from slipway import paths
from slipway.embedded.instance import Instance
from slipway.engines.locate import Programs
from slipway.errors import PreflightError

_DISK_BYTES = 12 * 2**30
"""Engines, build caches, an image store: measured at about 9 GiB from nothing."""
_MEMORY_BYTES = 3 * 2**30
"""A control plane, a node and a model: measured at about 1.5 GiB; a build wants more."""


@dataclass(frozen=True)
class Lack:
    """Something this machine does not have, and what to do about it."""

    what: str
    remedy: str


def check(instance: Instance) -> None:
    """Refuse a machine that cannot carry the instance in any mode.

    Raises:
        PreflightError: With everything that is missing.
    """
    lacks = [_system(), _disk(instance), _place(instance)]
    if not instance.is_up:
        lacks.append(_memory())  # one that is up already has its share
    refuse("carry the instance", [lack for lack in lacks if lack is not None])


def lacks_of_node() -> list[Lack]:
    """What this machine lacks to carry a real node, as far as that can be tried without any program."""
    root = _root()
    return [root] if root is not None else _tried([str(_writable())])


def check_kernel(programs: Programs) -> None:
    """Refuse a kernel that cannot do what an instance needs; tried in throw-away namespaces.

    Raises:
        PreflightError: With everything that is missing.
    """
    lacks = _tried([str(_writable()), str(programs.path("ip")), str(programs.path("nft"))])
    refuse("carry a node", lacks, also="or run the same command with `--mode processes`, which needs none of this")


def _tried(arguments: list[str]) -> list[Lack]:
    trial = subprocess.run(
        [sys.executable, "-m", "slipway.embedded.trial", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lacks = [Lack(*line.split("\t", 1)) for line in trial.stdout.splitlines() if "\t" in line]
    if trial.returncode != 0 and not lacks:
        lacks.append(Lack(f"the kernel could not be tried: {trial.stderr.strip()[-300:]}", "report this message"))
    return lacks


def refuse(what: str, lacks: list[Lack], *, also: str = "") -> None:
    """Say everything that is missing, and what to do; nothing where nothing is.

    Args:
        what: What this machine cannot do.
        lacks: What it lacks.
        also: What could be done instead.

    Raises:
        PreflightError: Something is missing.
    """
    if lacks:
        said = f"this machine cannot {what}:\n" + "\n".join(f"  - {each.what}" for each in lacks)
        remedies = [*(each.remedy for each in lacks), *([also] if also else [])]
        raise PreflightError(said, remedy="\n    ".join(dict.fromkeys(remedies)))


def _system() -> Lack | None:
    if platform.system() == "Linux" and platform.machine() in {"x86_64", "aarch64"}:
        return None
    return Lack(
        f"it is {platform.system()} on {platform.machine()}", "use Linux on x86-64 or arm64, or a virtual machine"
    )


def _root() -> Lack | None:
    if os.geteuid() == 0:
        return None
    return Lack(
        "you are not root, and only root may make namespaces, mounts and bridges", "run the same command with sudo"
    )


def _disk(instance: Instance) -> Lack | None:
    for folder in (instance.folder, paths.cache()):
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(existing).free
        needed = 2 * 2**30 if (paths.cache() / "engines").exists() else _DISK_BYTES
        if free < needed:
            return Lack(
                f"{existing} has {free / 2**30:.1f} GiB free, and {needed / 2**30:.0f} GiB are needed",
                f"free some space there, or set {'XDG_CACHE_HOME' if folder == paths.cache() else 'XDG_STATE_HOME'}",
            )
    return None


def _memory() -> Lack | None:
    available = psutil.virtual_memory().available
    if available >= _MEMORY_BYTES:
        return None
    return Lack(
        f"{available / 2**30:.1f} GiB of memory are available, and {_MEMORY_BYTES / 2**30:.0f} GiB are needed",
        "end something else that runs here",
    )


def _place(instance: Instance) -> Lack | None:
    if len(str(instance.runtime / "supervisor.sock")) > 100:
        return Lack(f"{instance.runtime} is too long a path for a socket", "set XDG_RUNTIME_DIR to a shorter folder")
    folder = paths.runtime()
    if folder.exists() and folder.stat().st_uid != os.geteuid():
        return Lack(f"{folder} is another user's", "set XDG_RUNTIME_DIR to a folder of your own")
    return None


def _writable() -> Path:
    folder = paths.state()
    folder.mkdir(parents=True, exist_ok=True)
    return folder
