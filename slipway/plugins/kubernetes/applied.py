"""Kubernetes objects as resources: what the engine asks of each, answered by the API server.

Behaviour follows the official plugin with server-side apply, its default since version 4
(https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/).
"""

from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from slipway.plugins import diff
from slipway.plugins.kubernetes import objects, ownership, waiting
from slipway.plugins.kubernetes.annotations import PROPAGATION, SKIP_AWAIT, annotations_of, is_set
from slipway.plugins.kubernetes.applying import Applying
from slipway.plugins.kubernetes.cluster import ClusterError, ForbiddenError, NotFoundError, Object
from slipway.plugins.kubernetes.kind import Kind
from slipway.plugins.kubernetes.kinds import kind_of
from slipway.plugins.kubernetes.session import Session
from slipway.plugins.offline import (
    InitFailedError,
    autoname,
    describe_changes,
    name_of,
    no_changes,
    own,
    token_of,
)
from slipway.plugins.properties import decode, encode, has_unknowns, reveal


class AppliedObjects:
    """Objects of every kind of the table, and of every other that the server serves.

    Args:
        session: The provider they belong to.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._recorded: set[str] = set()

    def check(self, request: Any) -> Any:
        """Complete the inputs, and refuse what would be passed over."""
        kind = self._kind(request)
        old, new = decode(request.olds), decode(request.news)
        if old:
            self._recorded.add(request.urn)
        name = (objects.kept_name(old) if old else None) or autoname(name_of(request.urn), bytes(request.randomSeed), 8)
        inputs = objects.completed(kind, new, name=name, namespace=self._session.namespace)
        failures = [
            provider_pb2.CheckFailure(property=where, reason=reason) for where, reason in objects.faults(inputs)
        ]
        return provider_pb2.CheckResponse(inputs=encode(inputs), failures=failures)

    def diff(self, request: Any) -> Any:
        """Say what changes, and whether it needs a new object."""
        kind = self._kind(request)
        old, new, state = decode(request.old_inputs), decode(request.news), own(decode(request.olds))
        ignored = [diff.parse(path) for path in request.ignoreChanges]
        changes = [
            change
            for change in diff.compare(objects.normal(kind, old), objects.normal(kind, new))
            if not any(diff.covers(path, change.path) for path in ignored)
        ]
        forcing = ("metadata.name", "metadata.namespace", *kind.replace_on)
        if not any(diff.is_below(change.path, path) for change in changes for path in forcing):
            planned = self._spelled_by_server(kind, request, new, state) if changes else state
            if objects.is_other_spelling(changes, planned, state):
                return no_changes()
        return describe_changes(changes, forcing=forcing, delete_first=objects.must_go_first(kind, old, new))

    def create(self, request: Any) -> Any:
        """Make the object and wait until it is ready; in a preview, ask the server what it would make."""
        kind, inputs = self._kind(request), decode(request.properties)
        manager = self._session.manager_of(request.urn, {})
        if request.preview:
            planned = self._planned(kind, inputs, manager)
            return provider_pb2.CreateResponse(id="", properties=encode(planned))
        adopts = request.urn not in self._recorded
        applying = self._applying(kind, manager)
        live = applying.create(reveal(inputs), adopts_own=adopts, cancelled=self._session.cancelled)
        properties = self._ready(request, applying.kind, inputs, live, manager)
        return provider_pb2.CreateResponse(id=objects.identity(live), properties=encode(properties))

    def update(self, request: Any) -> Any:
        """Change the object and wait until it is ready again; in a preview, ask the server what it would become."""
        kind, inputs, state = self._kind(request), decode(request.news), own(decode(request.olds))
        manager = self._session.manager_of(request.urn, state)
        self._refuse_another(kind, request.id, state)
        if request.preview and (self._session.cluster is None or has_unknowns(inputs)):
            return provider_pb2.UpdateResponse(properties=encode(inputs))
        applying = self._applying(kind, manager)
        if request.preview:
            try:
                planned = applying.update(reveal(inputs), ignored=request.ignoreChanges, dry_run=True)
            except ForbiddenError:
                planned = inputs  # dry runs are not this user's to make
            properties = objects.checkpoint(kind, inputs, planned, manager)
        else:
            live = applying.update(reveal(inputs), ignored=request.ignoreChanges)
            properties = self._ready(request, applying.kind, inputs, live, manager)
        return provider_pb2.UpdateResponse(properties=encode(properties))

    def read(self, request: Any) -> Any:
        """See what the object is now (`refresh`), or take one that exists (`import`, `get`).

        One that was made here and is not ready now is recorded as such; the next update then waits for it.
        """
        kind = self._kind(request)
        inputs, state = decode(request.inputs), own(decode(request.properties))
        cluster = self._session.connected()
        live = cluster.find(kind, *objects.place_in(kind, request.id)) if kind.is_served else None
        if live is None or self._is_another(live, state):
            return provider_pb2.ReadResponse()
        manager = self._session.manager_of(request.urn, state)
        seen = diff.drifted(inputs, state, live) if inputs else objects.inputs_of(kind, live)
        properties = objects.checkpoint(kind, seen, live, manager)
        if inputs:
            try:
                waiting.check_ready(cluster, kind, live)
            except waiting.NotReadyError as error:
                raise InitFailedError(request.id, properties, seen, error.reasons) from error
        return provider_pb2.ReadResponse(id=request.id, properties=encode(properties), inputs=encode(seen))

    def delete(self, request: Any) -> Any:
        """Delete the object and wait until it is gone; one that is gone already is fine.

        One that may not be deleted (the namespace `default`) is left, without what was set on it.
        """
        kind, state = self._kind(request), own(decode(request.properties))
        place = objects.place_in(kind, request.id)
        cluster = self._session.connected()
        if not kind.is_served:
            return empty_pb2.Empty()  # its definition is gone, and all of its kind with it
        live = cluster.find(kind, *place) if self._session.is_of_others else None
        if live is not None and self._is_another(live, state):
            return empty_pb2.Empty()  # this one is gone
        try:
            cluster.delete(kind, *place, propagation=str(annotations_of(state).get(PROPAGATION, "")))
        except NotFoundError:
            return empty_pb2.Empty()
        except ForbiddenError:
            if self._session.is_of_others:
                raise
            self._applying(kind, self._session.manager_of(request.urn, state)).relinquish(*place)
            return empty_pb2.Empty()
        if not (kind.leaves_unawaited and is_set(state, SKIP_AWAIT)):
            seconds = waiting.seconds_allowed(state, request.timeout)
            waiting.wait_until_gone(cluster, kind, *place, seconds=seconds, cancelled=self._session.cancelled)
        return empty_pb2.Empty()

    # -- what others made ----------------------------------------------------------------------------------------

    def _is_another(self, live: Object, state: Object) -> bool:
        """Whether others have made an object in the place of a resource, in a cluster where they may.

        Elsewhere names decide, as with the official plugin: nobody else is there.
        """
        return self._session.is_of_others and ownership.is_another(live, reveal(state))

    def _refuse_another(self, kind: Kind, identity: str, state: Object) -> None:
        if not self._session.is_of_others or self._session.cluster is None or not kind.is_served:
            return
        name, namespace = objects.place_in(kind, identity)
        live = self._session.cluster.find(kind, name, namespace)
        if live is not None and self._is_another(live, state):
            raise ClusterError(
                f'{kind.plural} "{identity}" is not the one that this stack made: that was deleted, and others have '
                "made another one. Give this one another name, or have it forgotten (`pulumi refresh`)"
            )

    # -- tools ---------------------------------------------------------------------------------------------------

    def _kind(self, request: Any) -> Kind:
        """The kind of a resource; one that the server does not serve (yet) is what its name says."""
        kind = kind_of(token_of(request.urn))
        try:
            return kind if self._session.cluster is None else self._session.cluster.served(kind)
        except NotFoundError:
            return kind

    def _applying(self, kind: Kind, manager: str) -> Applying:
        return Applying(self._session.connected(), kind, manager)

    def _planned(self, kind: Kind, inputs: Object, manager: str) -> Object:
        """What a new object would be, as far as the server can say."""
        if self._session.cluster is None or has_unknowns(inputs):
            return inputs
        planned = self._applying(kind, manager).plan(reveal(inputs))
        return inputs if planned is None else objects.checkpoint(kind, inputs, objects.to_be_made(planned), manager)

    def _spelled_by_server(self, kind: Kind, request: Any, new: Object, state: Object) -> Object:
        """The object as the server would have it; nothing where it does not say: the update itself will tell."""
        if self._session.cluster is None or has_unknowns(new):
            return {}
        applying = self._applying(kind, self._session.manager_of(request.urn, state))
        try:
            return applying.update(reveal(new), ignored=request.ignoreChanges, dry_run=True)
        except ClusterError:
            return {}

    def _ready(self, request: Any, kind: Kind, inputs: Object, live: Object, manager: str) -> Object:
        try:
            live = waiting.wait_until_ready(
                self._session.connected(),
                kind,
                live,
                seconds=waiting.seconds_allowed(inputs, request.timeout),
                cancelled=self._session.cancelled,
                tell=lambda text: self._session.tell(request.urn, text),
            )
        except waiting.NotReadyError as error:
            properties = objects.checkpoint(kind, inputs, error.live, manager)
            raise InitFailedError(objects.identity(error.live), properties, inputs, error.reasons) from error
        return objects.checkpoint(kind, inputs, live, manager)
