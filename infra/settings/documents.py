"""A YAML document with the line of every key, as far as JSON can hold it: the engine hands settings on as JSON.

What is beyond that is a finding, never an exception: keys that are no text, keys given twice, tags, endless aliases.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from infra.settings.faults import Finding
from infra.settings.scalars import TAG, UnreadableError, scalar, tagged
from infra.settings.wording import Where

_DEEPEST = 40
_MOST_VALUES = 50_000


class NotYamlError(Exception):
    """A file of which nothing can be read.

    Attributes:
        finding: Why, and in which line.
    """

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.finding = Finding((), what, line)


@dataclass(frozen=True)
class Document:
    """What a file says.

    Attributes:
        content: Maps, lists, text, numbers, truth values and None. In place of what cannot be read stands its text.
        lines: The line of every key and of every value in a list.
        findings: What cannot be read, or would be read differently by another reader.
    """

    content: Any
    lines: Mapping[Where, int]
    findings: list[Finding]


def read(data: bytes) -> Document:
    """Read a document.

    Raises:
        NotYamlError: Nothing of it can be read: not UTF-8, not YAML, several documents, or endless aliases.
    """
    text = _decode(data)
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
    except yaml.reader.ReaderError as error:
        what = f"the character {error.character:#x} may not be in YAML"
        raise NotYamlError(what, text.count("\n", 0, error.position) + 1) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYamlError(_syntax(error), mark.line + 1 if mark else 0) from error
    except RecursionError as error:
        raise NotYamlError("this is nested too deeply to be a stack file", _line(loader)) from error
    except (ValueError, OverflowError) as error:  # PyYAML leaves them to Python
        raise NotYamlError("this is not YAML: an escape in it stands for no character", _line(loader)) from error
    reader = _Reader()
    content = None if root is None else reader.value(root, ())
    return Document(content, reader.lines, reader.findings)


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        what = f"this is not UTF-8 text (byte {data[error.start]:#04x}); save the file as UTF-8"
        raise NotYamlError(what, data.count(b"\n", 0, error.start) + 1) from error


def _line(loader: yaml.SafeLoader | None) -> int:
    """How far a loader has come."""
    return getattr(loader, "line", 0) + 1


def _syntax(error: yaml.MarkedYAMLError) -> str:
    if error.problem and r"'\t'" in error.problem:
        return "this is not YAML: a line begins with a tab; indent with spaces"
    if error.context and "single document" in error.context:
        return "a stack file is one YAML document, and a second one begins here"
    return f"this is not YAML: {error.problem or error.context or error}"


class _Reader:
    """Builds values from nodes; notes lines and faults on the way."""

    def __init__(self) -> None:
        self.lines: dict[Where, int] = {}
        self.findings: list[Finding] = []
        self._values = 0
        self._open: list[yaml.Node] = []

    def value(self, node: yaml.Node, where: Where) -> Any:
        """What a node says, all of what is below it included."""
        self._values += 1
        if self._values > _MOST_VALUES:
            what = f"with its aliases written out, this has more than {_MOST_VALUES} values"
            raise NotYamlError(what, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, where)
        what = self._refusal(node)
        if what:
            return self._refuse(where, what, node)
        self._open.append(node)
        found = self._map(node, where) if isinstance(node, yaml.MappingNode) else self._list(node, where)
        self._open.pop()
        return found

    def _refusal(self, node: yaml.Node) -> str:
        """Why a structure is not gone into; empty when it is."""
        if any(node is each for each in self._open):
            return "is an alias of something that holds it"
        if len(self._open) == _DEEPEST:
            return "is nested too deeply to be a setting"
        return "" if node.tag in (f"{TAG}map", f"{TAG}seq") else tagged(node)

    def _map(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            key, line = self._key(key_node, where), key_node.start_mark.line + 1
            here = (*where, key)
            if key in first:
                self.findings.append(Finding(here, f"is given twice; line {first[key]} has it already", line))
                continue
            first[key] = line
            self.lines.setdefault(here, line)
            if key_node.tag == f"{TAG}merge":
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            else:
                found[key] = self.value(value_node, here)
        for each in merged:
            # What is written out comes before what `<<` brings, and the first map before the next.
            found = found | {key: value for key, value in self._merged(each, where).items() if key not in found}
        return found

    def _merged(self, node: yaml.Node, where: Where) -> dict[str, Any]:
        """What one `<<` brings (https://yaml.org/type/merge.html)."""
        if not isinstance(node, yaml.MappingNode):
            self._refuse((*where, "<<"), "brings no map; an alias of a map is expected, such as `<<: *name`", node)
            return {}
        brought = self.value(node, where)
        return brought if isinstance(brought, dict) else {}

    def _list(self, node: yaml.Node, where: Where) -> list[Any]:
        for index, each in enumerate(node.value):
            self.lines.setdefault((*where, index), each.start_mark.line + 1)
        return [self.value(each, (*where, index)) for index, each in enumerate(node.value)]

    def _key(self, node: yaml.Node, where: Where) -> str:
        if not isinstance(node, yaml.ScalarNode):
            key = "{…}" if isinstance(node, yaml.MappingNode) else "[…]"
            self._refuse((*where, key), "is a structure in place of a key; put text with brackets in quotes", node)
            return key
        key = str(node.value).encode(errors="backslashreplace").decode()
        if not _is_text(node):
            self._refuse((*where, key), "is a key that YAML does not read as text; put it in quotes", node)
        return key

    def _scalar(self, node: yaml.ScalarNode, where: Where) -> Any:
        try:
            return scalar(node)
        except UnreadableError as error:
            return self._refuse(where, str(error), node)

    def _refuse(self, where: Where, what: str, node: yaml.Node) -> Any:
        """Note a fault; return what stands in for the value."""
        self.findings.append(Finding(where, what, self.lines.get(where, node.start_mark.line + 1)))
        return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _is_text(key: yaml.ScalarNode) -> bool:
    try:
        return key.tag == f"{TAG}merge" or isinstance(scalar(key), str)
    except UnreadableError:
        return False
