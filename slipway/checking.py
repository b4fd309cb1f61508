"""What can be said of the stack files without running anything: their faults, and what they refer to that is not here.

https://www.pulumi.com/docs/iac/concepts/config/ is what they are to Pulumi; `infra.settings` is what they are to us.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.capacity.checking import check as check_capacity
from infra.catalog import Catalog
from infra.models import builds, objectives
from infra.models.planning import BUILT
from infra.settings import Fault, Parsed, SettingsError, parse_file
from infra.settings.editor import FILE as SCHEMA
from infra.settings.editor import rendered
from slipway import bentofiles, paths, stacks
from slipway.errors import SlipwayError

_EXAMPLE_KEYS = {"path": str, "request": dict, "answer": dict}


class UnknownStackError(SlipwayError):
    """A stack was named that has no file."""


@dataclass(frozen=True)
class Found:
    """Something wrong.

    Attributes:
        file: Relative to the repository.
        line: 1 is the first; 0 when no line is meant.
        key: In full; empty when the file as a whole is meant.
        what: What is wrong, and what would be accepted.
    """

    file: str
    line: int
    key: str
    what: str

    def __str__(self) -> str:
        """On one line, as an editor or a terminal makes it a link."""
        return Fault(self.key, self.what, self.line).told(self.file)


@dataclass(frozen=True)
class Report:
    """What a check came to.

    Attributes:
        stacks: The stacks that were looked at.
        found: Everything wrong, by file and line.
    """

    stacks: list[str]
    found: list[Found]

    @property
    def sum(self) -> str:
        """All of it in a few words."""
        count = {0: "nothing is wrong", 1: "1 fault"}.get(len(self.found), f"{len(self.found)} faults")
        return f"{', '.join(self.stacks) or 'no stack'}: {count}"


def check(stack: str = "", *, checkout: Path = paths.REPOSITORY) -> Report:
    """Look at the stack files, and at what belongs to them.

    Args:
        stack: Only this one; all of them when empty.
        checkout: The repository.

    Raises:
        UnknownStackError: There is no such stack.
    """
    if stack:
        stacks.file_of(stack, checkout, fault=UnknownStackError)
    names = [stack] if stack else stacks.names(checkout)
    found = [each for name in names for each in _stack(name, checkout)]
    return Report(names, [*found, *_schema(checkout), *([] if stack else _strays(checkout))])


def _stack(name: str, checkout: Path) -> list[Found]:
    file = f"stacks/Pulumi.{name}.yaml"
    try:
        parsed = parse_file(checkout / file)
        faults = [*_bentos(parsed, checkout), *_capacity(parsed), *_objectives(parsed, checkout)]
    except SettingsError as error:
        faults = error.faults
    return [Found(file, fault.line, fault.key, fault.what) for fault in faults]


def _capacity(parsed: Parsed) -> list[Fault]:
    """What of the nodes that a stack buys is impossible, by the instance catalog."""
    return [parsed.fault(each.where, each.what) for each in check_capacity(parsed.settings, Catalog.load())]


def _objectives(parsed: Parsed, checkout: Path) -> list[Fault]:
    """Which models take longer for one item than they may for an answer, by their last builds here."""
    took = builds.one_item(checkout / "stacks" / builds.LOCK.name)
    return [parsed.fault(each.where, each.what) for each in objectives.findings(parsed.settings, took)]


def _bentos(parsed: Parsed, checkout: Path) -> list[Fault]:
    """What is missing of the bentos whose local builds a stack deploys."""
    faults: list[Fault] = []
    for name, model in parsed.settings.models.items():
        what = _bento(name, checkout) if model.image == BUILT else ""
        if what:
            faults.append(parsed.fault(("config", "slipway:models", name, "image"), what))
    return faults


def _bento(name: str, checkout: Path) -> str:
    here = bentofiles.found(checkout)
    if name not in here:
        there_is = ", ".join(here) or "none"
        return f"is `built`, and bentos/{name}/{bentofiles.PLAIN} is not there; bentos/ has {there_is}"
    example = here[name].with_name("example.json")
    if example.is_file() and not _is_example(example):
        where = example.relative_to(checkout)
        return f"is `built`, and {where} is no request: a map with the keys {', '.join(_EXAMPLE_KEYS)}"
    return ""


def _is_example(file: Path) -> bool:
    try:
        content: Any = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and all(isinstance(content.get(key), of) for key, of in _EXAMPLE_KEYS.items())


def _schema(checkout: Path) -> list[Found]:
    file = checkout / "stacks" / SCHEMA
    if file.is_file() and file.read_bytes() == rendered().encode():
        return []
    what = "is not what infra/settings says" if file.is_file() else "is not there, and editors read it"
    return [Found(f"stacks/{SCHEMA}", 0, "", f"{what}; run `make golden`")]


def _strays(checkout: Path) -> list[Found]:
    """Files that look like stack files and are read by nobody."""
    folder, names = checkout / "stacks", {f"Pulumi.{name}.yaml" for name in stacks.names(checkout)}
    what = "is read by nobody; a stack file is called Pulumi.<STACK>.yaml"
    return [
        Found(f"stacks/{file.name}", 0, "", what) for file in sorted(folder.glob("*.y*ml")) if file.name not in names
    ]
