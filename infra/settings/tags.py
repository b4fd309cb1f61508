"""Whose a stack is: the tags that everything in AWS carries, so that every cost has a name.

https://docs.aws.amazon.com/cost-management/latest/userguide/cost-alloc-tags.html
"""

import re
from typing import Annotated

from pydantic import AfterValidator

from infra.settings.section import Section
from infra.settings.texts import written
from infra.settings.wording import shown

# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html#id_tags_naming_best_practices
_VALUE = r"[A-Za-z0-9 _.:/=+@-]{1,256}"


def _value(text: str) -> str:
    if not re.fullmatch(_VALUE, text):
        msg = f"{shown(text)} cannot be a tag's value; use 1 to 256 letters, digits, spaces and any of _ . : / = + - @"
        raise ValueError(msg)
    return text


Value = Annotated[str, AfterValidator(_value), written(_VALUE)]


class Tags(Section):
    """Whose everything in AWS is. The stack's name, and a model's where it is one's, are tags as well."""

    owner: Value
    """The team that is asked about it."""
    cost_center: Value
    """What its cost is booked on."""
