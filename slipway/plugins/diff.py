"""What changed between two property maps, and what an object's own inputs look like on the server. Pure functions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from slipway.plugins.properties import Path, Secret, reveal

_PART = re.compile(r'\[(?P<position>\d+)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\[(?P<any>\*)\]|(?P<name>[^.\[\]]+)')


class Change(Enum):
    """What happened to a property."""

    ADDED = "add"
    DELETED = "delete"
    UPDATED = "update"


@dataclass(frozen=True)
class PropertyChange:
    """One property that differs."""

    path: Path
    change: Change


def compare(old: Any, new: Any, at: Path = ()) -> Iterator[PropertyChange]:
    """Every property that differs between two values, at the deepest level that names the difference."""
    old, new = reveal(old), reveal(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield PropertyChange((*at, key), Change.DELETED)
            elif key not in old:
                yield PropertyChange((*at, key), Change.ADDED)
            else:
                yield from compare(old[key], new[key], (*at, key))
    elif isinstance(old, list) and isinstance(new, list):
        for position in range(max(len(old), len(new))):
            if position >= len(new):
                yield PropertyChange((*at, position), Change.DELETED)
            elif position >= len(old):
                yield PropertyChange((*at, position), Change.ADDED)
            else:
                yield from compare(old[position], new[position], (*at, position))
    elif old != new:
        yield PropertyChange(at, Change.UPDATED)


def is_below(path: Path, dotted: str) -> bool:
    """Whether a path is, or is below or above, a property written with dots: each means that it changed."""
    parts = tuple(dotted.split("."))
    mine = tuple(part for part in path if isinstance(part, str))
    shorter = min(len(parts), len(mine))
    return mine[:shorter] == parts[:shorter]


def parse(written: str) -> Path:
    """A path as Pulumi writes it, taken apart; `*` stands for every key or position.

    https://www.pulumi.com/docs/iac/concepts/resources/options/ignorechanges/
    """
    path: list[str | int] = []
    for part in _PART.finditer(written):
        if part["position"] is not None:
            path.append(int(part["position"]))
        elif part["quoted"] is not None:
            path.append(re.sub(r"\\(.)", r"\1", part["quoted"]))
        else:
            path.append(part["any"] or part["name"])
    return tuple(path)


def covers(pattern: Path, path: Path) -> bool:
    """Whether a path is what a pattern names, or below it."""
    return len(pattern) <= len(path) and all(
        each in ("*", part) for each, part in zip(pattern, path[: len(pattern)], strict=True)
    )


def value_at(item: Any, path: Path) -> Any:
    """The value at a path; `...` where there is none."""
    for part in path:
        item = reveal(item)
        if isinstance(item, Mapping) and part in item:
            item = item[str(part)]
        elif isinstance(item, list) and isinstance(part, int) and part < len(item):
            item = item[part]
        else:
            return ...
    return reveal(item)


def drifted(inputs: Any, recorded: Any, live: Any) -> Any:
    """What the inputs of an object would have to be for it to be as it is on the server.

    Only what differs between the recorded and the live object is taken over: the server writes some values in
    another form than they were given (`1000m` as `1`), which is no drift. What others added is theirs.

    Args:
        inputs: What was asked for.
        recorded: The object as it was when last seen.
        live: The object as it is.
    """
    if isinstance(inputs, Secret):
        return Secret(drifted(inputs.value, recorded, live))
    recorded = reveal(recorded)
    if recorded is None or recorded == live:
        return inputs
    if isinstance(inputs, Mapping) and isinstance(live, Mapping):
        known = recorded if isinstance(recorded, Mapping) else {}
        return {
            key: drifted(value, known.get(key), live[key]) if key in live else value
            for key, value in inputs.items()
            # Gone from the server is drift; never kept there (`stringData`) is not.
            if key in live or key not in known
        }
    if isinstance(inputs, list) and isinstance(live, list) and isinstance(recorded, list):
        if not len(inputs) == len(recorded) == len(live):
            return live
        return [drifted(*each) for each in zip(inputs, recorded, live, strict=True)]
    return live
