"""From what pydantic found to what a person reads: the key, what is wrong with it, what would be accepted."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from infra.settings.faults import Finding
from infra.settings.schema import StackFile
from infra.settings.section import Either, present
from infra.settings.wording import Where, listed, near, shown

_CREDENTIALS = ("aws:accessKey", "aws:secretKey", "aws:token")
_EXPECTED = {
    "string_type": "text is expected; quotes make it text",
    "string_too_short": "at least {min_length} character is expected",
    "string_too_long": "at most {max_length} characters are expected",
    "int_type": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "float_type": "a number is expected",
    "greater_than_equal": "{ge} or more is expected",
    "less_than_equal": "{le} or less is expected",
    "tuple_type": "a list is expected",
    "dict_type": "a map is expected",
    "too_long": "at most {max_length} are expected",
}


def explain(error: ValidationError, content: Any, top: Where = ()) -> Iterator[Finding]:
    """Say of every error where it is and what would be accepted.

    Args:
        error: Of a stack file, or of a part of it.
        content: That part.
        top: Where it stands in a stack file.
    """
    for key in reversed(top):
        content = {key: content}
    for each in error.errors(include_url=False):
        where = (*top, *(each["loc"][:-1] if each["loc"][-1:] == ("[key]",) else each["loc"]))
        yield Finding(where, _what(each, where, content))


def _what(error: ErrorDetails, where: Where, content: Any) -> str:
    value = error["input"]
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return _unknown(where, content)
        case "value_error":
            return str(error["ctx"]["error"])
        case "model_type" | "model_attributes_type":
            return f"is {shown(value)}; a map is expected; the keys here are {listed(_keys(where, content))}"
        case kind if kind in _EXPECTED:
            bounds = {name: _short(bound) for name, bound in error.get("ctx", {}).items()}
            return f"is {shown(value)}; {_EXPECTED[kind].format(**bounds)}"
    return f"is {shown(value)}; {error['msg'][0].lower()}{error['msg'][1:]}"


def _short(bound: Any) -> Any:
    """A bound as it is written: pydantic keeps that of a number with a point, even where it has none."""
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _unknown(where: Where, content: Any) -> str:
    key = str(where[-1])
    if key in _CREDENTIALS:
        return "is a credential; those are of the environment that runs `pulumi`, never in a stack file"
    namespace = key[: key.find(":") + 1]
    known = [name for name in _keys(where[:-1], content) if name.startswith(namespace)]
    return f"is not a key; {near(key, known, beyond=namespace)}the keys here are {listed(known)}"


def _keys(where: Where, content: Any) -> list[str]:
    """The keys that a section has, found by walking the schema; of a choice, those of the section that is meant."""
    section: Any = StackFile
    for part in where:
        content = _below(content, part)
        section = _meant(_inside(section, part), content)
    return sorted(_fields(section))


def _inside(section: Any, part: str | int) -> Any:
    """The type of what stands at a key or a position."""
    if get_origin(section) is dict:
        return get_args(section)[1]
    if get_origin(section) is tuple:
        return get_args(section)[0]
    field = _fields(section).get(str(part))
    # What a field is annotated with, pydantic keeps beside its type.
    return (
        None if field is None else Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    )


def _meant(annotation: Any, value: Any) -> Any:
    """The section or structure that an annotation comes to for a value."""
    notes = getattr(annotation, "__metadata__", ())
    for note in notes:
        if isinstance(note, Either):
            try:
                return note.choose(value)
            except ValueError:
                return None
    bare = annotation.__origin__ if notes else annotation
    inner = present(bare)
    return bare if inner == (bare,) or len(inner) > 1 else _meant(inner[0], value)


def _below(content: Any, part: str | int) -> Any:
    try:
        return content[part]
    except (KeyError, IndexError, TypeError):
        return None


def _fields(section: Any) -> dict[str, Any]:
    if not (isinstance(section, type) and issubclass(section, BaseModel)):
        return {}
    return {field.alias or name: field for name, field in section.model_fields.items()}
