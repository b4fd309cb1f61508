"""Pulumi's property values as Python values, and back.

Secrets and unknowns travel as specially signed values
(https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/properties.go).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format, struct_pb2

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # the signature that says so, not one
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""


class Unknown:
    """A value that is only known once the resource it comes from exists."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that is encrypted in the state and hidden on screen."""

    value: Any


def decode(message: struct_pb2.Struct) -> dict[str, Any]:
    """Read a property map. Whole numbers become `int`; nulls are dropped, as the engine's own providers do."""
    raw = json_format.MessageToDict(message)
    return {key: _decode(value) for key, value in raw.items() if value is not None}


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return Secret(_decode(value.get("value")))
        return {key: _decode(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_decode(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == _UNKNOWN else value


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Write a property map."""
    message = struct_pb2.Struct()
    json_format.ParseDict({key: _encode(value) for key, value in values.items()}, message)
    return message


def _encode(value: Any) -> Any:
    if isinstance(value, Unknown):
        return _UNKNOWN
    if isinstance(value, Secret):
        return {_SIGNATURE: _SECRET, "value": _encode(value.value)}
    if isinstance(value, Mapping):
        return {key: _encode(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(each) for each in value]
    return value


def reveal(value: Any) -> Any:
    """The same value with secrets as plain values, fit for an API request."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, Mapping):
        return {key: reveal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [reveal(each) for each in value]
    return value


def secret_paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Where secrets stand in a value."""
    if isinstance(value, Secret):
        yield at
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from secret_paths(each, (*at, key))
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from secret_paths(each, (*at, position))


def conceal(value: Any, paths: Iterable[Path]) -> Any:
    """The same value with what stands at `paths` made secret; paths that lead nowhere are passed over."""
    for path in paths:
        value = _conceal(value, path)
    return value


def _conceal(value: Any, path: Path) -> Any:
    if isinstance(value, Secret):
        return value
    if not path:
        return Secret(value)
    head, rest = path[0], path[1:]
    if isinstance(value, Mapping) and head in value:
        return {**value, str(head): _conceal(value[str(head)], rest)}
    if isinstance(value, list) and isinstance(head, int) and head < len(value):
        return [*value[:head], _conceal(value[head], rest), *value[head + 1 :]]
    return value


def has_unknowns(value: Any) -> bool:
    """Whether anything in a value is not known yet."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, Secret):
        return has_unknowns(value.value)
    if isinstance(value, Mapping):
        return any(has_unknowns(each) for each in value.values())
    return isinstance(value, list) and any(has_unknowns(each) for each in value)


def render(path: Path) -> str:
    """A path as Pulumi writes it: `spec.template.spec.containers[0].image`, `metadata.labels["a.b/c"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("_", "").replace("-", "").isalnum():
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text
