"""What the engine is told about an object: its inputs completed, its state, its differences. Pure functions."""

from collections.abc import Iterable
from typing import Any

from slipway.plugins.diff import Change, PropertyChange, value_at
from slipway.plugins.kubernetes.annotations import (
    AUTONAMED,
    FOLLOWED,
    WAIT_FOR,
    annotations_of,
    is_set,
    unfollowed,
)
from slipway.plugins.kubernetes.awaited import ExpressionError, expressions
from slipway.plugins.kubernetes.kind import Kind
from slipway.plugins.kubernetes.ownership import RECORDED
from slipway.plugins.offline import MARK
from slipway.plugins.properties import UNKNOWN, Secret, conceal, reveal, secret_paths

Object = dict[str, Any]
_SERVER_OWNED = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")
_CONTROLLERS_OWN = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")
"""Annotations that are written by programs and are nobody's input."""


def completed(kind: Kind, inputs: Object, *, name: str, namespace: str | None) -> Object:
    """Inputs with what need not be written: apiVersion, kind, namespace, a name.

    Args:
        kind: The object's kind.
        inputs: As the program has them.
        name: The name for an object that is given none.
        namespace: The namespace for an object that is given none; none when it is not known yet.
    """
    inputs = {**_dashed(inputs), "apiVersion": kind.api_version, "kind": kind.kind}
    written = inputs.get("metadata") or {}
    metadata = reveal(written)
    if not isinstance(metadata, dict):
        return inputs  # not known yet
    if not metadata.get("name") and not metadata.get("generateName"):
        annotations = reveal(metadata.get("annotations") or {})
        metadata = {**metadata, "name": name}
        if isinstance(annotations, dict):
            metadata["annotations"] = {**annotations, AUTONAMED: "true"}
    if kind.namespaced and namespace and not metadata.get("namespace"):
        metadata = {**metadata, "namespace": namespace}
    always_secret = {name: Secret(reveal(inputs[name])) for name in kind.secret if name in inputs}
    hidden = [("metadata", *path) for path in secret_paths(written)]
    return {**inputs, **always_secret, "metadata": conceal({"metadata": metadata}, hidden)["metadata"]}


def _dashed(item: Any) -> Any:
    """The same value with the keys of schemas as the server knows them: Pulumi's libraries cannot have dashes in names.

    https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/#JSONSchemaProps
    """
    if isinstance(item, Secret):
        return Secret(_dashed(item.value))
    if isinstance(item, dict):
        return {
            key.replace("_", "-") if key.startswith("x_kubernetes_") else key: _dashed(value)
            for key, value in item.items()
        }
    return [_dashed(each) for each in item] if isinstance(item, list) else item


def faults(inputs: Object) -> list[tuple[str, str]]:
    """What cannot be followed, as property and reason."""
    metadata = reveal(inputs.get("metadata"))
    found: list[tuple[str, str]] = []
    if isinstance(metadata, dict) and metadata.get("generateName") and not metadata.get("name"):
        reason = "the `.metadata.generateName` field is not supported in Server-Side Apply mode; leave the name out"
        found.append(("metadata.generateName", f"{reason} to be given one that is unique, or write `metadata.name`"))
    found += [
        (
            f'metadata.annotations["{name}"]',
            f"the offline kubernetes plugin does not follow {name}; it follows {', '.join(FOLLOWED)}",
        )
        for name in unfollowed(inputs)
    ]
    if isinstance(asked := annotations_of(inputs).get(WAIT_FOR), str):
        try:
            expressions(asked)
        except ExpressionError as error:
            found.append((f'metadata.annotations["{WAIT_FOR}"]', str(error)))
    return found


def kept_name(old: Object) -> str | None:
    """The name that was made for an object before; none when there was none, or the program gave it."""
    return reveal(old["metadata"]).get("name") if is_set(old, AUTONAMED) else None


def identity(live: Object) -> str:
    """The engine's name for an object: `NAMESPACE/NAME`, or `NAME`."""
    metadata = live["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def place_of(kind: Kind, item: Object) -> tuple[str, str | None]:
    """An object's name and, for kinds that live in one, namespace."""
    metadata = item["metadata"]
    return metadata["name"], (metadata.get("namespace") or "default") if kind.namespaced else None


def placed(kind: Kind, item: Object) -> Object:
    """An object without a namespace where it has no place in one: that was not known yet when it was completed."""
    if kind.namespaced or "namespace" not in item["metadata"]:
        return item
    return {**item, "metadata": {key: value for key, value in item["metadata"].items() if key != "namespace"}}


def place_in(kind: Kind, written: str) -> tuple[str, str | None]:
    """The name and namespace in the engine's name for an object."""
    namespace, _, name = written.rpartition("/")
    return name, (namespace or "default") if kind.namespaced else None


def checkpoint(kind: Kind, inputs: Object, live: Object, manager: str) -> Object:
    """What is recorded: the object as the server has it, and what later operations need to know."""
    properties: Object = {**live, RECORDED: manager, "__initialApiVersion": kind.api_version, MARK: True}
    concealed: Object = conceal(properties, [*secret_paths(inputs), *((name,) for name in kind.secret)])
    return concealed


def to_be_made(planned: Object) -> Object:
    """A planned object without what only a real one has: its status, and what the server will number."""
    metadata = {key: UNKNOWN if key in _SERVER_OWNED else value for key, value in planned["metadata"].items()}
    metadata.pop("managedFields", None)
    return {**{key: value for key, value in planned.items() if key != "status"}, "metadata": metadata}


def inputs_of(kind: Kind, live: Object) -> Object:
    """What a program would have to say for an object to be as it is."""
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVER_OWNED}
    if annotations := {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k not in _CONTROLLERS_OWN}:
        metadata["annotations"] = annotations
    inputs: Object = {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}
    concealed: Object = conceal(inputs, [(name,) for name in kind.secret])
    return concealed


def normal(kind: Kind, inputs: Object) -> Object:
    """Inputs as plain values, with the namespace that is meant when none is written, and none where there is none."""
    plain = reveal(inputs)
    metadata = plain.get("metadata") or {}
    if not isinstance(metadata, dict):
        return {**plain, "metadata": metadata}
    if kind.namespaced:
        metadata = {"namespace": "default", **metadata}
    return placed(kind, {**plain, "metadata": metadata})


def is_other_spelling(changes: Iterable[PropertyChange], planned: Object, recorded: Object) -> bool:
    """Whether changes only write values otherwise (`0.01` for `10m`): the server then makes of them what it had."""
    return all(
        change.change is Change.UPDATED
        and value_at(planned, change.path) is not ...
        and value_at(planned, change.path) == value_at(recorded, change.path)
        for change in changes
    )


def must_go_first(kind: Kind, old: Object, new: Object) -> bool:
    """Whether the old object must go before the new one: two cannot have one name. A name of ours is made anew."""
    before, after = normal(kind, old)["metadata"], normal(kind, new)["metadata"]
    if is_set(new, AUTONAMED) or not isinstance(before, dict) or not isinstance(after, dict):
        return False
    return all(before.get(key) == after.get(key) for key in ("name", "namespace"))
