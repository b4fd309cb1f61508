"""What exists before an image is pushed: repositories, who may push and pull, and the record of who did what.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from infra.settings.aws import AccountId
from infra.settings.retention import Days
from infra.settings.section import Section
from infra.settings.texts import matching, written
from infra.settings.wording import shown

_BENTO = r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"
_GITHUB = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}"
_BRANCH = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}"


def _bento(text: str) -> str:
    if not re.fullmatch(_BENTO, text, re.ASCII):
        msg = f"{shown(text)} cannot name a bento; use at most 40 lower-case letters, digits and dashes, a letter first"
        raise ValueError(msg)
    return text


def _several(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len({*names}) < len(names):
        msg = "names none, or one twice; write each once"
        raise ValueError(msg)
    return names


Bento = Annotated[str, AfterValidator(_bento), written(_BENTO)]
Github = Annotated[str, matching(_GITHUB, "a repository of GitHub; write OWNER/NAME"), written(_GITHUB)]
Branch = Annotated[
    str,
    matching(_BRANCH, "one branch; write its name, such as main: a wildcard would let any branch push"),
    written(_BRANCH),
]
_ONCE = Field(json_schema_extra={"minItems": 1, "uniqueItems": True})


class Keep(Section):
    """Which images stay in a repository."""

    untagged_days: Days = 14
    """How long an image without a tag stays."""
    images: Annotated[int, Field(ge=10, le=1000, strict=True)] = 200
    """The most tagged images that stay; older ones go. Take more than are ever deployed or rolled back to."""


class Ci(Section):
    """Who builds: a repository of GitHub, whose workflows take roles here without any stored key."""

    github: Github
    """OWNER/NAME."""
    push_from: Annotated[tuple[Branch, ...], AfterValidator(_several), _ONCE] = ("main",)
    """Branches whose workflows may push images; pull requests may only preview."""


class Audit(Section):
    """The record of every call to AWS, kept where nobody can change it."""

    retention_days: Days = 365
    """How long it cannot be deleted, by nobody; thirty days later it goes by itself."""


class Registry(Section):
    """What exists before an image is pushed. It belongs to the `shared` stack."""

    repositories: Annotated[tuple[Bento, ...], AfterValidator(_several), _ONCE]
    """One for each bento."""
    pull_from: tuple[AccountId, ...] = ()
    """Accounts of the environments that run the images. In quotes."""
    keep: Keep = Field(default_factory=Keep)
    """Which images stay."""
    ci: Ci
    """Who builds."""
    audit: Audit = Field(default_factory=Audit)
    """The record of every call to AWS."""
