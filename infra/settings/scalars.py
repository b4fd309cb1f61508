"""The scalars of YAML on which its readers agree.

The engine reads stack files with Go's yaml.v3, the `slipway` command with PyYAML, and an editor as YAML 1.2
(https://yaml.org/spec/1.2.2/#103-core-schema). Where they differ (`yes`, `0777`, `1e3`, dates), quotes are asked for.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from infra.settings.wording import shown

TAG = "tag:yaml.org,2002:"
"""What the tags of YAML itself begin with."""

_LONGEST_INTEGER = 18
"""Digits that every reader keeps: what is longer may not fit 64 bits."""
_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
# https://github.com/go-yaml/yaml/blob/v3.0.1/resolve.go: `resolve` and `parseTimestamp`.
_GO_NUMBER = re.compile(
    r"[-+]?(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)"
)
_GO_TIME = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
_RESOLVER = yaml.resolver.Resolver()


class UnreadableError(ValueError):
    """A scalar that is read in more than one way, or in none; the message says which would be read."""


def scalar(node: yaml.ScalarNode) -> Any:
    """The text, number, truth value or None that all readers see.

    Raises:
        UnreadableError: There is none.
    """
    text, tag = str(node.value), node.tag.removeprefix(TAG)
    if any("\ud800" <= character <= "\udfff" for character in text):
        msg = f"is {shown(text)}, which has half a character in it"
        raise UnreadableError(msg)
    implicit = "str" if node.style is not None else _implicit(text)
    if tag not in (implicit, "str"):
        raise UnreadableError(tagged(node))
    is_text = tag != implicit or node.style is not None or (tag == "str" and not _is_more_to_go(text))
    return text if is_text else _plain(text)


def tagged(node: yaml.Node) -> str:
    """What is said of a value with a tag."""
    return f"has the tag {shown(node.tag.replace(TAG, '!!'))[1:-1]}; stack files use none"


def _plain(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) <= _LONGEST_INTEGER:
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    if re.fullmatch("0[0-9_]+", text):
        msg = f"is {shown(text)[1:-1]}, a number with a leading zero, which gets lost or means octal; put it in quotes"
        raise UnreadableError(msg)
    msg = (
        f"is {shown(text)[1:-1]}, which not all readers of YAML read alike; put text in quotes, write a number in up "
        f"to {_LONGEST_INTEGER} decimal digits, and truth as true or false"
    )
    raise UnreadableError(msg)


def _implicit(text: str) -> str:
    """What PyYAML takes a plain scalar for."""
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return str(tag).removeprefix(TAG)


def _is_more_to_go(text: str) -> bool:
    """Whether Go's reader sees a number or a time where PyYAML sees text."""
    starts_like_a_number = text[:1] in set("+-.0123456789")
    return starts_like_a_number and bool(_GO_NUMBER.fullmatch(text.replace("_", "")) or _GO_TIME.fullmatch(text))
