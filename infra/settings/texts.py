"""Text of a certain form: how it is held to it in a stack file, and how an editor learns of it."""

import re

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


def written(pattern: str) -> WithJsonSchema:
    """The same form for the schema."""
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})
