"""The annotations by which a program steers the plugin, as for the official one.

https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/#resource-annotations
"""

from typing import Any

from slipway.plugins.properties import reveal

_PREFIX = "pulumi.com/"
AUTONAMED = f"{_PREFIX}autonamed"
"""Set by the plugin on objects whose name it made."""
PATCH_FORCE = f"{_PREFIX}patchForce"
"""Fields of other managers are taken over."""
SKIP_AWAIT = f"{_PREFIX}skipAwait"
"""Nothing is waited for."""
TIMEOUT_SECONDS = f"{_PREFIX}timeoutSeconds"
"""How long to wait at most, where the resource has no `customTimeouts`."""
PROPAGATION = f"{_PREFIX}deletionPropagationPolicy"
"""What becomes of what the object owns: `foreground` (the default), `background`, `orphan`."""
WAIT_FOR = f"{_PREFIX}waitFor"
"""What is waited for in place of what the kind says: `condition=TYPE[=STATUS]`, `jsonpath={PATH}[=VALUE]`, or a JSON
array of these."""
FOLLOWED = (AUTONAMED, PATCH_FORCE, SKIP_AWAIT, TIMEOUT_SECONDS, PROPAGATION, WAIT_FOR)


def annotations_of(item: Any) -> dict[str, Any]:
    """The annotations of an object or of inputs; none where they are not known yet."""
    metadata = reveal(item.get("metadata"))
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def is_set(item: Any, annotation: str) -> bool:
    """Whether an annotation says yes."""
    return bool(annotations_of(item).get(annotation) == "true")


def unfollowed(item: Any) -> list[str]:
    """Annotations that are addressed to the plugin and that it does not follow."""
    return sorted(name for name in annotations_of(item) if name.startswith(_PREFIX) and name not in FOLLOWED)
