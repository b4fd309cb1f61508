"""What every section of a stack file is made of: no unknown keys, sections that may be absent, and choices of two."""

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Section(BaseModel):
    """What every section has in common: no unknown keys, dashes as in the stack file, nothing changed afterwards."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: name.replace("_", "-"),
        use_attribute_docstrings=True,
        field_title_generator=lambda name, field: getattr(field, "alias", None) or name.replace("_", "-"),
    )


class Absent:
    """Of a section that may be left out, and is a map where it is not: `Annotated[Network | None, Absent()]`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accept what the section itself accepts: an empty key is no way to leave it out."""
        (section,) = present(source)
        return handler.generate_schema(section)


@dataclass(frozen=True)
class Either:
    """Of a value that is one of several sections: `Annotated[Existing | Made, Either(choose)]`.

    Attributes:
        choose: The section that a value is meant to be. It may raise a ValueError that says what is missing.
    """

    choose: Callable[[Any], type[Section]]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Hold a value to the section that is meant, so that faults are told of that one alone."""
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def _read(self, value: Any) -> Section:
        return value if isinstance(value, Section) else self.choose(value).model_validate(value)


def present(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows besides None."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(each for each in get_args(annotation) if each is not NoneType)
    return (annotation,)
