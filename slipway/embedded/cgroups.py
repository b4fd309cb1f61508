"""The instance's cgroup, in every hierarchy this machine has (cgroup v1, v2, or both)."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

_REMOVE_SECONDS = 10.0


def hierarchies() -> list[tuple[Path, str]]:
    """Where the hierarchies are mounted, each with its kind: `cgroup` or `cgroup2`."""
    found: list[tuple[Path, str]] = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind in {"cgroup", "cgroup2"}:
            found.append((Path(where), kind))
    return found


def create(group: str) -> None:
    """Make a cgroup in every hierarchy; on v2, hand it every controller of its parents."""
    for root, kind in hierarchies():
        (root / group.strip("/")).mkdir(parents=True, exist_ok=True)
        if kind == "cgroup2":
            _delegate(root, Path(group.strip("/")))


def _delegate(root: Path, group: Path) -> None:
    for folder in (root, *(root / parent for parent in reversed(group.parents) if parent != Path()), root / group):
        controllers = (folder / "cgroup.controllers").read_text().split()
        for controller in controllers:
            # A group that holds processes itself cannot pass some controllers on; kubelet says what it misses.
            with contextlib.suppress(OSError):
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def remove(group: str) -> list[Path]:
    """Remove a cgroup and all below it, in every hierarchy, and its parents where nothing else is in them.

    Returns:
        What could not be removed, because processes are left in it.
    """
    left: list[Path] = []
    for root, _ in hierarchies():
        folder = root / group.strip("/")
        deadline = time.monotonic() + _REMOVE_SECONDS
        while folder.exists():
            for below in _bottom_up(folder):
                with contextlib.suppress(OSError):
                    below.rmdir()
            if not folder.exists() or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if folder.exists():
            left.append(folder)
        elif folder.parent != root:
            with contextlib.suppress(OSError):
                folder.parent.rmdir()
    return left


def _bottom_up(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _bottom_up(entry)
    yield folder
