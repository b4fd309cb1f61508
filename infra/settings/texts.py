"""Text of a certain form, and lists that are not empty: how a stack file is held to them, and editors learn of it."""

import re
from typing import Any

from pydantic import AfterValidator, WithJsonSchema

from infra.settings.wording import shown


def matching(pattern: str, what: str) -> AfterValidator:
    """Of text that is as a whole of a form.

    Args:
        pattern: The form, as a regular expression in which every choice is in parentheses.
        what: What the text is meant to be, and how it is written; an error says that it is not that.
    """

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            msg = f"{shown(text)} is not {what}"
            raise ValueError(msg)
        return text

    return AfterValidator(check)


def filled(hint: str) -> AfterValidator:
    """Of a list that is not empty.

    Args:
        hint: What to write; an error ends with it.
    """

    def check(values: tuple[Any, ...]) -> tuple[Any, ...]:
        if not values:
            msg = f"is an empty list; {hint}"
            raise ValueError(msg)
        return values

    return AfterValidator(check)


def written(pattern: str) -> WithJsonSchema:
    """The same form for the schema."""
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})
