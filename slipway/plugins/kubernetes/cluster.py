"""The cluster a provider speaks to: objects as plain maps, server-side apply, typed failures."""

import ipaddress
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from lightkube import ApiError, Client, KubeConfig
from lightkube.generic_resource import create_global_resource, create_namespaced_resource
from lightkube.types import CascadeType

from slipway.plugins.kubernetes.kinds import Kind

Object = dict[str, Any]
"""A Kubernetes object as JSON."""
_NOT_FOUND, _CONFLICT, _INVALID, _FORBIDDEN = 404, 409, 422, 403
MANAGER_PREFIX = "pulumi-kubernetes-"
"""How the official plugin names itself as a manager of fields; eight digits follow, of each resource its own."""
_MANAGER = re.compile(r'conflict with "([^"]+)"')
_IMMUTABLE = ("immutable", "may not change", "cannot be changed", "updates to ")


class ClusterError(Exception):
    """The API server refused, with its own words."""


class NotFoundError(ClusterError):
    """There is no such object, or no such namespace."""


class ForbiddenError(ClusterError):
    """This user may not."""


class ConflictError(ClusterError):
    """Another manager owns a field that was to be set.

    Attributes:
        managers: Who owns such fields.
    """

    def __init__(self, message: str, managers: tuple[str, ...]) -> None:
        """Keep the managers beside the server's message."""
        super().__init__(message)
        self.managers = managers

    @property
    def is_own(self) -> bool:
        """Whether the fields are all owned by other resources of Pulumi's: an object that is being replaced."""
        return all(manager.startswith(MANAGER_PREFIX) for manager in self.managers)


class ImmutableError(ClusterError):
    """The change needs a new object.

    Attributes:
        fields: The properties that cannot change, with dots.
    """

    def __init__(self, message: str, fields: tuple[str, ...]) -> None:
        """Keep the fields beside the server's message."""
        super().__init__(message)
        self.fields = fields


class RefusedEndpointError(ClusterError):
    """The endpoint is not of an embedded environment."""


def load_config(kubeconfig: str, context: str | None) -> Any:
    """Read a kubeconfig given as content or path, and refuse every endpoint but the loopback.

    Raises:
        RefusedEndpointError: It names a server elsewhere.
        ClusterError: It does not have the context.
    """
    if kubeconfig.lstrip().startswith(("{", "apiVersion", "kind", "clusters", "contexts", "users")):
        config = KubeConfig.from_dict(yaml.safe_load(kubeconfig))
        where = "the kubeconfig given"
    else:
        path = Path(kubeconfig).expanduser()
        if not path.is_file():
            msg = f"there is no kubeconfig at {path}"
            raise ClusterError(msg)
        config = KubeConfig.from_file(str(path))
        where = str(path)
    name = context or config.current_context
    if name not in config.contexts:
        msg = f"{where} has no context {name!r} (it has {', '.join(sorted(config.contexts)) or 'none'})"
        raise ClusterError(msg)
    single = config.get(context_name=name)
    if single is None:
        msg = f"{where} has no cluster for the context {name!r}"
        raise ClusterError(msg)
    server = single.cluster.server
    host = urlsplit(server).hostname or ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        msg = (
            f"the offline kubernetes plugin works on embedded environments only, and {server} is not on this machine's "
            "loopback; use the official plugin for real clusters"
        )
        raise RefusedEndpointError(msg)
    return single


class KubernetesCluster:
    """Objects of a cluster as plain maps.

    Args:
        config: From `load_config`.
    """

    def __init__(self, config: Any) -> None:
        """Connect lazily; nothing is asked yet."""
        self._client: Any = Client(config=config, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, kind: Kind, name: str, namespace: str | None) -> Object:
        """Read an object.

        Raises:
            NotFoundError: There is none.
        """
        with _failures():
            return _plain(self._client.get(_resource(kind), name, **_at(kind, namespace)))

    def apply(self, kind: Kind, inputs: Object, *, manager: str, force: bool = False, dry_run: bool = False) -> Object:
        """Server-side apply; the object as the server has it (or, in a dry run, would have it).

        Raises:
            NotFoundError: Its namespace does not exist.
            ConflictError: Another manager owns a field.
            ImmutableError: A field cannot change.
            ClusterError: Anything else the server refuses.
        """
        with _failures():
            item = _resource(kind)(inputs)
            return _plain(self._client.apply(item, field_manager=manager, force=force, dry_run=dry_run))

    def delete(self, kind: Kind, name: str, namespace: str | None) -> None:
        """Ask for an object to be deleted after everything it owns.

        Raises:
            NotFoundError: There is none.
        """
        with _failures():
            self._client.delete(_resource(kind), name, cascade=CascadeType.FOREGROUND, **_at(kind, namespace))

    def list(self, kind: Kind, namespace: str, labels: dict[str, str]) -> Iterator[Object]:
        """Objects of a namespace that carry labels."""
        with _failures():
            for item in self._client.list(_resource(kind), namespace=namespace, labels=dict(labels)):
                yield _plain(item)


def default_namespace(kind: Kind, inputs: Object) -> str | None:
    """The namespace an object is in; none for kinds that live in none."""
    return (inputs.get("metadata", {}).get("namespace") or "default") if kind.namespaced else None


@cache
def _resource(kind: Kind) -> Any:
    create = create_namespaced_resource if kind.namespaced else create_global_resource
    return create(kind.group, kind.version, kind.kind, kind.plural)


def _at(kind: Kind, namespace: str | None) -> dict[str, str]:
    return {"namespace": namespace or "default"} if kind.namespaced else {}


def _plain(item: Any) -> Object:
    plain: Object = item.to_dict()
    return plain


class _failures:  # noqa: N801  # reads as a word of the `with` statement
    """Turns the client's errors into those of this module."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, ApiError):
            return
        message = error.status.message or str(error)
        causes = (error.status.details.causes if error.status.details else None) or []
        match error.status.code:
            case 404:
                raise NotFoundError(message) from error
            case 403:
                raise ForbiddenError(message) from error
            case 409 if any(cause.reason == "FieldManagerConflict" for cause in causes):
                managers = tuple(
                    found[1] for cause in causes if (found := _MANAGER.search(cause.message or "")) is not None
                )
                raise ConflictError(message, managers) from error
            case 422:
                fixed = tuple(
                    cause.field or "" for cause in causes if any(word in (cause.message or "") for word in _IMMUTABLE)
                )
                if fixed:
                    raise ImmutableError(message, fixed) from error
        raise ClusterError(message) from error
