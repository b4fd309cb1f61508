"""Holds requests to AWS's own models, as botocore carries them: members, types, enumerations, patterns, lengths.

botocore checks types and required members itself; AWS checks the rest, and moto often does not.
"""

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.plugins.aws.expressions import EACH, Expression, properties_in
from slipway.plugins.aws.table import CONTEXT, Call, Kind
from slipway.plugins.properties import Path, Unknown, render


@dataclass(frozen=True)
class RequestFault:
    """Something a model does not allow.

    Attributes:
        property: The Pulumi property it comes from; the API's own name where it comes from none.
        reason: What is wrong, and what would be accepted.
    """

    property: str
    reason: str


def faults_of(client: Any, call: Call, request: Mapping[str, Any], *, complete: bool) -> Iterator[RequestFault]:
    """Everything that the model of an operation does not allow in a request.

    Args:
        client: The boto3 client of the service.
        call: Where the request comes from.
        request: Its parameters.
        complete: Whether everything is known; a member that is not known yet is not missing.
    """
    operation = client.meta.method_to_api_mapping[call.operation]
    shape = client.meta.service_model.operation_model(operation).input_shape
    if shape is None:
        return
    for path, reason in _faults(shape, request, (), complete=complete):
        yield RequestFault(_property(call.params, path), reason)


def passed_over(kind: Kind, inputs: Mapping[str, Any]) -> Iterator[RequestFault]:
    """Properties, at any depth, that the table does not follow: what they ask for would not happen."""
    always = {"tags", "region"}
    for name, value in inputs.items():
        paths = {path[1:] for path in kind.followed if path[0] == name}
        if name not in kind.inputs | always:
            unread: list[Path] = [()]
        else:
            unread = list(_unread(value, paths)) if paths and name not in always else []
        for path in unread:
            yield RequestFault(
                render((name, *path)),
                f"the offline aws plugin does not follow it for {kind.token}; add it to the token's entry in "
                f"slipway/plugins/aws/kinds/ (followed: {', '.join(sorted(kind.inputs | always))})",
            )


def _unread(value: Any, paths: set[Path]) -> Iterator[Path]:
    """Where a value has something that none of the paths leads to."""
    if () in paths:
        return
    steps = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for step, each in steps:
        below = {path[1:] for path in paths if path[0] == step or (isinstance(step, int) and path[0] == EACH)}
        if not below:
            yield (step,)
        else:
            for path in _unread(each, below):
                yield (step, *path)


def cidr_faults(properties: Mapping[str, Any]) -> Iterator[RequestFault]:
    """Properties that are named as CIDR blocks and are none: the models call them strings."""
    for name, value in properties.items():
        blocks = value if isinstance(value, list) else [value]
        for block in blocks:
            if "cidr" in name.lower() and isinstance(block, str) and block:
                try:
                    ipaddress.ip_network(block)
                except ValueError as error:
                    yield RequestFault(name, f"{block!r} is not a CIDR block: {error}")


def number_faults(kind: Kind, properties: Mapping[str, Any]) -> Iterator[RequestFault]:
    """Numbers beyond what AWS takes, where the models call them strings."""
    for name, (low, high) in kind.numbers.items():
        value = properties.get(name)
        if value is None or isinstance(value, Unknown):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            yield RequestFault(name, f"is {value!r}; a whole number from {low} to {high} is expected")


def document_faults(properties: Mapping[str, Any]) -> Iterator[RequestFault]:
    """Properties that are policies and patterns of events, and no JSON: the models call them strings."""
    for name, value in properties.items():
        if (name.lower().endswith("policy") or name == "eventPattern") and isinstance(value, str) and value:
            try:
                document = json.loads(value)
            except ValueError as error:
                yield RequestFault(name, f"is not JSON ({error}); an object is expected")
            else:
                if not isinstance(document, dict):
                    yield RequestFault(name, f"is {value!r}; a JSON object is expected")


def _faults(shape: Any, value: Any, path: tuple[str, ...], *, complete: bool) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Unknown):
        return
    expected = _TYPES.get(shape.type_name)
    if expected is not None and (not isinstance(value, expected) or (bool not in expected and isinstance(value, bool))):
        yield path, f"is {value!r}; {shape.type_name} is expected"
        return
    match shape.type_name:
        case "structure":
            yield from _structure_faults(shape, value, path, complete=complete)
        case "list":
            yield from _length_faults(shape, len(value), path, "elements")
            for position, each in enumerate(value):
                yield from _faults(shape.member, each, (*path, str(position)), complete=complete)
        case "map":
            for key, each in value.items():
                yield from _faults(shape.key, key, (*path, key), complete=complete)
                yield from _faults(shape.value, each, (*path, key), complete=complete)
        case "string":
            yield from _string_faults(shape, value, path)
        case "integer" | "long" | "float" | "double":
            low, high = shape.metadata.get("min"), shape.metadata.get("max")
            if (low is not None and value < low) or (high is not None and value > high):
                yield path, f"is {value!r}; a number from {low} to {high} is expected"


def _structure_faults(
    shape: Any, value: Mapping[str, Any], path: tuple[str, ...], *, complete: bool
) -> Iterator[tuple[tuple[str, ...], str]]:
    if complete:
        for missing in shape.required_members:
            if missing not in value and not shape.members[missing].metadata.get("idempotencyToken"):
                yield (*path, missing), "is missing"
    for name, each in value.items():
        if name in shape.members:
            yield from _faults(shape.members[name], each, (*path, name), complete=complete)
        else:
            yield (*path, name), f"is not a member; {', '.join(sorted(shape.members))} are"


def _string_faults(shape: Any, value: str, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield path, f"is {value!r}; one of {', '.join(allowed)} is expected"
        return
    yield from _length_faults(shape, len(value), path, "characters")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield path, f"is {value!r}, which does not match {pattern}"


def _length_faults(shape: Any, length: int, path: tuple[str, ...], unit: str) -> Iterator[tuple[tuple[str, ...], str]]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if length < low or (high is not None and length > high):
        bounds = f"{low} to {high}" if high is not None else f"at least {low}"
        yield path, f"has {length} {unit}; {bounds} are expected"


def _matches(pattern: str, value: str) -> bool:
    """Whether all of a value matches: AWS's patterns mean that, with or without anchors."""
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        return True  # written for another engine: AWS itself would judge


def _property(params: Mapping[str, Expression], path: tuple[str, ...]) -> str:
    """The Pulumi property that a member of a request comes from."""
    expression: Any = params
    for part in path:
        if isinstance(expression, Mapping) and part in expression:
            expression = expression[part]
        elif isinstance(expression, list) and part.isdigit() and int(part) < len(expression):
            expression = expression[int(part)]
    names = sorted(properties_in(expression) - CONTEXT) if expression is not params else []
    return names[0] if len(names) == 1 else ".".join(path)


_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
}
