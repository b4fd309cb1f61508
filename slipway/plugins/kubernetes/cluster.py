"""The cluster a provider speaks to: objects as plain maps, server-side apply, typed failures."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import httpx2  # what lightkube's client raises when there is no answer
from lightkube import ApiError, Client
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import SingleConfig
from lightkube.generic_resource import GenericGlobalResource, GenericNamespacedResource, create_api_info
from lightkube.types import CascadeType, PatchType

from slipway.plugins.kubernetes.kind import Kind

Object = dict[str, Any]
"""A Kubernetes object as JSON."""
_IN_CONFLICT = re.compile(r'conflict with "([^"]+)"(?: with subresource "([^"]+)")?')
_CASCADES = {"orphan": CascadeType.ORPHAN, "background": CascadeType.BACKGROUND}


class ClusterError(Exception):
    """The API server refused, with its own words."""


class NotFoundError(ClusterError):
    """There is no such object, or no such namespace."""


class ForbiddenError(ClusterError):
    """This user may not, or nobody may."""


class UnreachableError(ClusterError):
    """The API server did not answer."""


class OutdatedError(ClusterError):
    """The object changed between being read and being written."""


@dataclass(frozen=True)
class Opponent:
    """A manager that has a field which was to be set.

    Attributes:
        manager: Its name.
        subresource: The part of the object's API it wrote through (`scale`, `status`); empty for the object itself.
    """

    manager: str
    subresource: str


class ConflictError(ClusterError):
    """Another manager owns a field that was to be set.

    Attributes:
        opponents: Who owns such fields.
    """

    def __init__(self, message: str, opponents: tuple[Opponent, ...]) -> None:
        """Keep the managers beside the server's message."""
        super().__init__(message)
        self.opponents = opponents


class KubernetesCluster:
    """Objects of a cluster as plain maps.

    Args:
        config: From `slipway.plugins.kubernetes.access`.
    """

    def __init__(self, config: SingleConfig) -> None:
        """Connect lazily; nothing is asked yet."""
        self.config = config
        self._client: Any = Client(config=config, trust_env=False)
        self._documents = client_adapter.Client(config, client_adapter.ConnectionParams(trust_env=False))
        self._failures = _Failures(config.cluster.server)
        self._discovered: dict[str, Kind] = {}

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._documents.close()

    def served(self, kind: Kind) -> Kind:
        """A kind as the server has it; one of the table is known to be there.

        Raises:
            NotFoundError: The server does not serve it.
        """
        if kind.is_served:
            return kind
        if kind.token not in self._discovered:
            found = self.discover(kind)
            if found is None:
                raise NotFoundError(f'no matches for kind "{kind.kind}" in version "{kind.api_version}"')
            self._discovered[kind.token] = found
        return self._discovered[kind.token]

    def discover(self, kind: Kind) -> Kind | None:
        """Ask the server what it knows of a kind.

        https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
        """
        with self._failures:
            answer = self._documents.get(f"/apis/{kind.group}/{kind.version}")
            if answer.status_code == httpx2.codes.NOT_FOUND:
                return None
            answer.raise_for_status()
            for each in answer.json().get("resources", []):
                if each["kind"] == kind.kind and "/" not in each["name"]:
                    return replace(kind, plural=each["name"], namespaced=each["namespaced"])
        return None

    def get(self, kind: Kind, name: str, namespace: str | None) -> Object:
        """Read an object.

        Raises:
            NotFoundError: There is none.
        """
        with self._failures:
            return _plain(self._client.get(_resource(kind), name, **_at(kind, namespace)))

    def find(self, kind: Kind, name: str, namespace: str | None) -> Object | None:
        """Read an object, if there is one."""
        try:
            return self.get(kind, name, namespace)
        except NotFoundError:
            return None

    def apply(self, kind: Kind, wanted: Object, *, manager: str, force: bool = False, dry_run: bool = False) -> Object:
        """Server-side apply; the object as the server has it (or, in a dry run, would have it).

        Raises:
            NotFoundError: Its namespace does not exist.
            ConflictError: Another manager owns a field.
            ClusterError: Anything else the server refuses.
        """
        with self._failures:
            item = _resource(kind)(wanted)
            return _plain(self._client.apply(item, field_manager=manager, force=force, dry_run=dry_run))

    def put(self, kind: Kind, wanted: Object, *, manager: str, dry_run: bool = False) -> Object:
        """Write an object as a whole, as it was read last (`metadata.resourceVersion`).

        Raises:
            NotFoundError: It does not exist.
            OutdatedError: It is not as it was read any more.
            ClusterError: Anything else the server refuses.
        """
        with self._failures:
            item = _resource(kind)(wanted)
            return _plain(self._client.replace(item, field_manager=manager, dry_run=dry_run))

    def set_managers(self, kind: Kind, live: Object, managers: Iterable[Mapping[str, Any]]) -> Object:
        """Write who manages the fields of an object, as it was read.

        Raises:
            OutdatedError: It is not as it was read any more.
        """
        metadata = live["metadata"]
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": list(managers)},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        ]
        where = _at(kind, metadata.get("namespace"))
        with self._failures:
            return _plain(
                self._client.patch(_resource(kind), metadata["name"], patch, patch_type=PatchType.JSON, **where)
            )

    def delete(self, kind: Kind, name: str, namespace: str | None, *, propagation: str = "") -> None:
        """Ask for an object to be deleted.

        Args:
            kind: Its kind.
            name: Its name.
            namespace: Where it is.
            propagation: What becomes of what it owns: `orphan`, `background`; else it goes before the object does.

        Raises:
            NotFoundError: There is none.
            ForbiddenError: It may not be deleted.
        """
        cascade = _CASCADES.get(propagation.lower(), CascadeType.FOREGROUND)
        with self._failures:
            self._client.delete(_resource(kind), name, cascade=cascade, **_at(kind, namespace))

    def list(self, kind: Kind, namespace: str, labels: dict[str, str]) -> Iterator[Object]:
        """Objects of a namespace that carry labels."""
        with self._failures:
            for item in self._client.list(_resource(kind), namespace=namespace, labels=dict(labels)):
                yield _plain(item)


@cache
def _resource(kind: Kind) -> Any:
    # Of our own, and not in Lightkube's registry: there, the same kind may be known with types that drop fields.
    base = GenericNamespacedResource if kind.namespaced else GenericGlobalResource
    return type(kind.kind, (base,), {"_api_info": create_api_info(kind.group, kind.version, kind.kind, kind.plural)})


def _at(kind: Kind, namespace: str | None) -> dict[str, str]:
    return {"namespace": namespace or "default"} if kind.namespaced else {}


def _plain(item: Any) -> Object:
    plain: Object = item.to_dict()
    return plain


class _Failures:
    """Turns the client's errors into those of this module."""

    def __init__(self, server: str) -> None:
        self._server = server

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ApiError):
            raise _failure(error) from error
        if isinstance(error, httpx2.HTTPStatusError) and error.response.status_code == httpx2.codes.NOT_FOUND:
            # So it answers, without a word of JSON, where it has no such group any more.
            raise NotFoundError(f"the API server has nothing at {error.request.url.path}") from error
        if isinstance(error, httpx2.HTTPError):
            raise UnreachableError(f"the API server at {self._server} does not answer: {error}") from error


def _failure(error: ApiError) -> ClusterError:
    message = error.status.message or str(error)
    causes = (error.status.details.causes if error.status.details else None) or []
    match error.status.code:
        case 404:
            return NotFoundError(message)
        case 403:
            return ForbiddenError(message)
        case 409 if any(cause.reason == "FieldManagerConflict" for cause in causes):
            found = (_IN_CONFLICT.search(cause.message or "") for cause in causes)
            return ConflictError(message, tuple(Opponent(each[1], each[2] or "") for each in found if each))
        case 409:
            return OutdatedError(message)
    return ClusterError(message)
