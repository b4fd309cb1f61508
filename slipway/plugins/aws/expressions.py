"""The language of the table: JMESPath over a resource's properties, with a few functions for AWS's habits.

https://jmespath.org/specification.html. A string is an expression; maps and lists are built of them; what an
expression does not find is left out.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.functions import Functions, signature

Expression = str | Mapping[str, Any] | list[Any] | bool | int | None
"""A JMESPath string, or a structure of them; booleans and numbers stand for themselves."""
Path = tuple[str | int, ...]
"""Where an expression reads: names, positions of a list, and `EACH` for all of them."""
EACH = "*"


class _AwsFunctions(Functions):  # type: ignore[misc]  # jmespath has no types
    """Functions that the table uses beyond JMESPath's own."""

    @signature({"types": []})  # type: ignore[untyped-decorator]
    def _func_text(self, value: Any) -> str | None:
        """A value as AWS writes it in maps of strings."""
        if isinstance(value, bool):
            return "true" if value else "false"
        return None if value is None else str(value)

    @signature({"types": []})  # type: ignore[untyped-decorator]
    def _func_number(self, value: Any) -> int | None:
        """The number in a string."""
        return None if value in {None, ""} else int(value)

    @signature({"types": []})  # type: ignore[untyped-decorator]
    def _func_flag(self, value: Any) -> bool | None:
        """The truth in a string."""
        return None if value is None else str(value).lower() in {"true", "enabled"}

    @signature({"types": []}, {"types": ["string"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_tags(self, tags: Any, key: str, value: str) -> list[dict[str, str]] | None:
        """A map of tags as a list, in the spelling of a service."""
        return [{key: k, value: v} for k, v in sorted(tags.items())] if tags else None

    @signature({"types": []}, {"types": ["string"]}, {"types": ["string"]})  # type: ignore[untyped-decorator]
    def _func_untag(self, tags: Any, key: str, value: str) -> dict[str, str]:
        """A list of tags as a map."""
        return {tag[key]: tag[value] for tag in tags or []}

    @signature({"types": ["string"]}, {"types": ["string"]}, {"types": ["number"]})  # type: ignore[untyped-decorator]
    def _func_part(self, text: str, separator: str, position: int) -> str:
        """One part of a text that is cut at a separator."""
        return text.split(separator)[position]

    @signature({"types": []})  # type: ignore[untyped-decorator]
    def _func_document(self, value: Any) -> str | None:
        """A policy document as text, however the service gives it."""
        return value if value is None or isinstance(value, str) else json.dumps(value)


_OPTIONS = jmespath.Options(custom_functions=_AwsFunctions())


@lru_cache(maxsize=2048)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def search(expression: str, context: Mapping[str, Any]) -> Any:
    """What an expression finds; none when it finds nothing."""
    return _compiled(expression).search(context, options=_OPTIONS)


def build(expression: Expression, context: Mapping[str, Any]) -> Any:
    """A structure of expressions as a value: what is not found is left out, and so is what is empty because of it."""
    if isinstance(expression, str):
        return _without_nothing(search(expression, context))
    if isinstance(expression, Mapping):
        built = {key: build(each, context) for key, each in expression.items()}
        kept = {key: value for key, value in built.items() if value is not None}
        return kept if kept or not built else None
    if isinstance(expression, list):
        values = [build(each, context) for each in expression]
        kept_values = [value for value in values if value is not None]
        return kept_values if kept_values or not values else None
    return expression


def _without_nothing(value: Any) -> Any:
    """A value without the members that an expression named and did not find."""
    if isinstance(value, Mapping):
        return {key: _without_nothing(each) for key, each in value.items() if each is not None}
    return [_without_nothing(each) for each in value] if isinstance(value, list) else value


def properties_in(expression: Expression) -> set[str]:
    """The names at the start of every path in a structure of expressions: the properties it may read."""
    if isinstance(expression, str):
        return _roots(_compiled(expression).parsed)
    if isinstance(expression, Mapping):
        return {name for each in expression.values() for name in properties_in(each)}
    if isinstance(expression, list):
        return {name for each in expression for name in properties_in(each)}
    return set()


def _roots(node: Mapping[str, Any]) -> set[str]:
    kind, children = node["type"], node.get("children", [])
    if kind == "field":
        return {node["value"]}
    if kind in {"subexpression", "index_expression", "projection", "value_projection", "filter_projection", "flatten"}:
        return _roots(children[0]) if children else set()
    if kind == "pipe":
        return _roots(children[0])
    return {name for child in children for name in _roots(child)}


def paths_in(expression: Expression) -> set[Path]:
    """The deepest paths whose values a structure of expressions passes on; what is below one is passed on with it."""
    if isinstance(expression, str):
        return _paths(_compiled(expression).parsed, ())
    if isinstance(expression, Mapping):
        return {path for each in expression.values() for path in paths_in(each)}
    if isinstance(expression, list):
        return {path for each in expression for path in paths_in(each)}
    return set()


def _paths(node: Mapping[str, Any], at: Path) -> set[Path]:
    kind, children = node["type"], node.get("children", [])
    match kind:
        case "field" | "index":
            found = {(*at, node["value"])}
        case "current" | "identity":
            found = {at}
        case "flatten":
            found = {(*path, EACH) for path in _paths(children[0], at)}
        case "projection":
            # `a[].b` is a projection over a flattened list: the list's own step is already there.
            step: Path = () if children[0]["type"] == "flatten" else (EACH,)
            found = {path for start in _paths(children[0], at) for path in _paths(children[1], (*start, *step))}
        case "subexpression" | "index_expression" | "pipe":
            found = {at}
            for child in children:
                found = {path for start in found for path in _paths(child, start)}
        case "and_expression":  # its first part is asked whether it is there, and not passed on
            found = _paths(children[1], at)
        case _:
            found = {path for child in children for path in _paths(child, at)}
    return found
