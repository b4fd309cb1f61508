"""How values, keys and near misses are written in a message: short, on one line, and printable whatever they hold."""

import difflib
import re
from collections.abc import Iterable
from typing import Any, TypeAlias

Where: TypeAlias = tuple[str | int, ...]
"""A place in a stack file: keys and positions in lists, from the top."""

_LONGEST = 80
_LONGEST_NAME = 160
_PLAIN = re.compile(r"[\w:/@+…{}\[\]-]+")


def shown(value: Any) -> str:
    """A value as it is quoted back: on one line, and not all of it when it is long."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return f"a map with {_counted(len(value), 'key')}"
    if isinstance(value, list | tuple):
        return f"a list of {_counted(len(value), 'value')}"
    if isinstance(value, bool):
        return str(value).lower()
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…{text[0]}"


def named(where: Where) -> str:
    """The name of a place: `slipway:models.digits.image`, `aws:allowedAccountIds[0]`."""
    keys = where[1:] if len(where) > 1 and where[0] == "config" else where
    name = ""
    for key in keys:
        if isinstance(key, int):
            name += f"[{key}]"
            continue
        text = key if _PLAIN.fullmatch(key) and len(key) <= _LONGEST else shown(key)
        name += f".{text}" if name else text
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def near(name: str, known: Iterable[str], *, beyond: str = "") -> str:
    """What was probably meant, as the beginning of a sentence; empty when nothing is near.

    Args:
        name: What was written.
        known: What could have been.
        beyond: What all of them begin with, and does not make them alike.
    """
    tails = [each.removeprefix(beyond) for each in known]
    found = difflib.get_close_matches(name.removeprefix(beyond)[:_LONGEST], tails, n=1)
    return f"did you mean `{beyond}{found[0]}`? " if found else ""


def listed(names: Iterable[str]) -> str:
    """Names in a row, for a sentence."""
    return ", ".join(names)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
