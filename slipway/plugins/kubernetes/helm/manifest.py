"""What a rendered chart consists of. Pure functions."""

from collections.abc import Iterator
from typing import Any

import yaml

Object = dict[str, Any]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def objects_in(manifest: str) -> Iterator[Object]:
    """The objects of a manifest, in its order."""
    for each in yaml.load_all(manifest, Loader=_LOADER):
        if isinstance(each, dict) and each.get("kind"):
            yield each


def resource_names(manifest: str) -> dict[str, list[str]]:
    """Names of a manifest's objects by kind and version, in the words of the official plugin.

    `{"Deployment.apps/apps/v1": ["namespace/name"], "ConfigMap/v1": ["name"]}`: the namespace only where the manifest
    has one.
    """
    found: dict[str, set[str]] = {}
    for each in objects_in(manifest):
        version, metadata = str(each["apiVersion"]), each.get("metadata") or {}
        group = version.rpartition("/")[0]
        key = f"{each['kind']}.{group}/{version}" if group else f"{each['kind']}/{version}"
        namespace = metadata.get("namespace")
        name = str(metadata.get("name", ""))
        found.setdefault(key, set()).add(f"{namespace}/{name}" if namespace else name)
    return {key: sorted(names) for key, names in sorted(found.items())}
