"""Who manages which fields of an object: the `managedFields` of server-side apply. Pure functions.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from slipway.plugins.diff import parse, value_at
from slipway.plugins.properties import Path

Object = dict[str, Any]
Entry = Mapping[str, Any]
"""One of `metadata.managedFields`: a manager, its kind of operation, and the fields it manages that way."""
RECORDED = "__fieldManager"
"""Where the state keeps the name a resource manages its fields under."""
_PREFIX = "pulumi-kubernetes-"
_TAKEN_OVER = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    ("pulumi-kubernetes", "Update"),
    ("pulumi-resource-kubernetes", "Update"),
)
"""Managers whose fields an update takes over without a conflict, by the beginning of their names: as the official
plugin does with what `kubectl` and its own older versions wrote."""


def manager_of(urn: str, state: Mapping[str, Any], mark: str = "") -> str:
    """The name a resource manages its fields under.

    The official plugin draws eight digits when it creates an object. Here they are derived from the URN, so that an
    update that was interrupted knows again what it made.

    Args:
        urn: The resource's.
        state: What is recorded of it, if anything.
        mark: The instance's, so that the same stack of another one is not taken for this.
    """
    recorded = state.get(RECORDED)
    if isinstance(recorded, str) and recorded:
        return recorded
    return _PREFIX + hashlib.sha256(f"{urn}{mark}".encode()).hexdigest()[:8]


def managed_fields(live: Object) -> list[Entry]:
    """Every manager of an object, with its fields."""
    return list(live["metadata"].get("managedFields") or [])


def is_managed_by(live: Object, manager: str) -> bool:
    """Whether a manager has written an object."""
    return any(entry.get("manager") == manager for entry in managed_fields(live))


def is_another(live: Object, state: Mapping[str, Any]) -> bool:
    """Whether an object is not the one that is recorded, but one that others made since, of the same name."""
    recorded = (state.get("metadata") or {}).get("uid")
    return isinstance(recorded, str) and live["metadata"].get("uid") != recorded


def taken_over(live: Object) -> set[str]:
    """The managers of an object whose fields an update takes over."""
    return {str(entry["manager"]) for entry in managed_fields(live) if _is_taken_over(entry)}


def absorb(live: Object, manager: str) -> list[Entry] | None:
    """The managers of an object once a manager has taken over what it may; none when that changes nothing."""
    entries = managed_fields(live)
    taken = [entry for entry in entries if _is_taken_over(entry)]
    if not taken:
        return None
    own = [entry for entry in entries if entry.get("manager") == manager and entry.get("operation") == "Apply"]
    fields: dict[str, Any] = {}
    for entry in (*own, *taken):
        fields = _union(fields, entry.get("fieldsV1") or {})
    rest = [entry for entry in entries if entry not in taken and entry not in own]
    return [*rest, {**(own or taken)[0], "manager": manager, "operation": "Apply", "fieldsV1": fields}]


def without_ignored(wanted: Object, live: Object, ignored: Iterable[str], manager: str) -> Object:
    """What to apply where a program leaves properties alone (`ignoreChanges`).

    A property that others manage and this manager does not is left out: naming it would be a conflict, or take it
    back. Every other one is applied as it is, as leaving it out would remove it. Items of lists stay as the engine
    has them.
    """
    ours = [entry for entry in managed_fields(live) if entry.get("manager") == manager]
    theirs = [entry for entry in managed_fields(live) if entry.get("manager") != manager]
    for written in ignored:
        path = parse(written)
        if not all(isinstance(part, str) and part != "*" for part in path):
            continue
        if _any_manages(theirs, path) and not _any_manages(ours, path):
            wanted = _replaced(wanted, path, ...)
        elif (value := value_at(live, path)) is not ...:
            wanted = _replaced(wanted, path, value)
    return wanted


def as_read(wanted: Object, live: Object, ignored: Iterable[str]) -> Object:
    """What to write in the place of a whole object, provided that it is still as it was read.

    What a program leaves alone (`ignoreChanges`) is as it is.
    """
    for written in ignored:
        path = parse(written)
        if all(isinstance(part, str) and part != "*" for part in path):
            wanted = _replaced(wanted, path, value_at(live, path))
    read = {**wanted["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
    return {**wanted, "metadata": read}


def _is_taken_over(entry: Entry) -> bool:
    return not entry.get("subresource") and any(
        str(entry.get("manager", "")).startswith(name) and entry.get("operation") == operation
        for name, operation in _TAKEN_OVER
    )


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, **{key: _union(one.get(key) or {}, value or {}) for key, value in other.items()}}


def _any_manages(entries: Iterable[Entry], path: Path) -> bool:
    return any(_manages(entry.get("fieldsV1") or {}, path) for entry in entries)


def _manages(fields: Mapping[str, Any], path: Path) -> bool:
    """Whether a set of fields has a path. What is managed as a whole has no fields of its own listed below it."""
    for part in path:
        if f"f:{part}" not in fields:
            return False
        fields = fields[f"f:{part}"] or {}
        if not fields:
            return True
    return True


def _replaced(item: Any, path: Path, value: Any) -> Any:
    """The same object with another value at a path; without it, for `...`."""
    head, rest = str(path[0]), path[1:]
    if not isinstance(item, Mapping) or (head not in item and value is ...):
        return item
    if rest:
        return {**item, head: _replaced(item.get(head, {}), rest, value)}
    kept = {key: each for key, each in item.items() if key != head}
    return kept if value is ... else {**kept, head: value}
