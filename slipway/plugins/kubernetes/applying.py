"""Making and changing objects by server-side apply, as the official plugin does.

https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/
"""

import threading
from collections.abc import Iterable

from slipway.plugins.kubernetes import objects, ownership
from slipway.plugins.kubernetes.annotations import PATCH_FORCE, is_set
from slipway.plugins.kubernetes.cluster import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    KubernetesCluster,
    NotFoundError,
    Object,
    OutdatedError,
)
from slipway.plugins.kubernetes.kind import Kind

_RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses before an object is tried again whose namespace is not there yet."""
_ATTEMPTS = 5
"""How often the managers of an object are written that others write to at the same time."""
_CONFLICTS = (
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/"
    "#handle-field-conflicts-on-existing-resources"
)


class AlreadyExistsError(ClusterError):
    """An object that was to be made is there, and this resource did not make it."""


class Applying:
    """One kind of object, written under one manager's name.

    Args:
        cluster: Where.
        kind: Which kind. One that the server did not serve yet becomes what the server says when an object is made.
        manager: The name under which the resource manages its fields.
    """

    def __init__(self, cluster: KubernetesCluster, kind: Kind, manager: str) -> None:
        self._cluster, self.kind, self._manager = cluster, kind, manager

    def create(self, wanted: Object, *, adopts_own: bool, cancelled: threading.Event) -> Object:
        """Make an object. Its namespace and the definition of its kind may be made at the same time.

        Where they are not there yet, it is tried again for half a minute, as by the official plugin.

        Args:
            wanted: The object.
            adopts_own: Whether one that this resource made, and that the engine has no record of, is taken: an
                update that was interrupted made it.
            cancelled: Set when the engine gives up.

        Raises:
            AlreadyExistsError: It is there.
            NotFoundError: Its namespace is not, or its kind.
        """
        for seconds in _RETRY_SECONDS:
            try:
                return self._created(wanted, adopts_own=adopts_own)
            except NotFoundError:
                if cancelled.wait(seconds):
                    break
        return self._created(wanted, adopts_own=adopts_own)

    def plan(self, wanted: Object) -> Object | None:
        """What a new object would be; none where the server cannot say before the update.

        It cannot where the object takes the place of one that goes first, or its namespace or the definition of its
        kind is made by the same update, or dry runs are not for this user.
        """
        if not self.kind.is_served:
            return None
        try:
            if self._cluster.find(self.kind, *objects.place_of(self.kind, wanted)) is not None:
                return None
            return self._apply(wanted, dry_run=True)
        except (NotFoundError, ForbiddenError):
            return None

    def update(self, wanted: Object, *, ignored: Iterable[str] = (), dry_run: bool = False) -> Object:
        """Change an object, or ask what it would become.

        Args:
            wanted: The object.
            ignored: Properties the program leaves alone (`ignoreChanges`).
            dry_run: Whether to change nothing.

        Raises:
            NotFoundError: It is gone.
            ConflictError: Others manage fields that would change.
        """
        self.kind = self._cluster.served(self.kind)
        wanted = objects.placed(self.kind, wanted)
        try:
            live = self._cluster.get(self.kind, *objects.place_of(self.kind, wanted))
        except NotFoundError as error:
            raise NotFoundError(f"{error}: it was deleted by others; run `pulumi refresh` to have that seen") from error
        if self.kind.is_put:
            return self._put(wanted, live, ignored, dry_run=dry_run)
        free = ownership.taken_over(live)
        if not dry_run:
            live = self._take_over(live)
        wanted = ownership.without_ignored(wanted, live, ignored, self._manager)
        try:
            return self._apply(wanted, dry_run=dry_run)
        except ConflictError as error:
            # In a dry run nothing was taken over; what would be, is no conflict then.
            if dry_run and all(not each.subresource and each.manager in free for each in error.opponents):
                return self._apply(wanted, dry_run=True, force=True)
            raise

    def relinquish(self, name: str, namespace: str | None) -> None:
        """Give up every field: what nobody else set goes, and the object stays."""
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        bare = {"apiVersion": self.kind.api_version, "kind": self.kind.kind, "metadata": metadata}
        self._apply(bare)

    def _created(self, wanted: Object, *, adopts_own: bool) -> Object:
        self.kind = self._cluster.served(self.kind)
        wanted = objects.placed(self.kind, wanted)
        name, namespace = objects.place_of(self.kind, wanted)
        found = self._cluster.find(self.kind, name, namespace)
        if found is None:
            return self._apply(wanted)
        if adopts_own and ownership.is_managed_by(found, self._manager):
            return self.update(wanted)
        where = f" in the namespace {namespace}" if namespace else ""
        raise AlreadyExistsError(
            f'{self.kind.plural} "{name}" already exists{where}. If this resource was renamed, give it an '
            "alias of its old name; if others made the object, take it over with the resource option `import_`; else "
            "give this one another name"
        )

    def _put(self, wanted: Object, live: Object, ignored: Iterable[str], *, dry_run: bool) -> Object:
        for attempt in range(_ATTEMPTS):
            whole = ownership.as_read(wanted, live, ignored)
            try:
                return self._cluster.put(self.kind, whole, manager=self._manager, dry_run=dry_run)
            except OutdatedError:
                if attempt == _ATTEMPTS - 1:
                    raise
                live = self._cluster.get(self.kind, *objects.place_of(self.kind, live))
        return live

    def _take_over(self, live: Object) -> Object:
        for attempt in range(_ATTEMPTS):
            managers = ownership.absorb(live, self._manager)
            if managers is None:
                break
            try:
                return self._cluster.set_managers(self.kind, live, managers)
            except OutdatedError:
                if attempt == _ATTEMPTS - 1:
                    raise
                live = self._cluster.get(self.kind, *objects.place_of(self.kind, live))
        return live

    def _apply(self, wanted: Object, *, dry_run: bool = False, force: bool = False) -> Object:
        force = force or is_set(wanted, PATCH_FORCE)
        try:
            return self._cluster.apply(self.kind, wanted, manager=self._manager, force=force, dry_run=dry_run)
        except ConflictError as error:
            raise ConflictError(
                f"Server-Side Apply field conflict detected. See {_CONFLICTS} for troubleshooting help.\n"
                f'The resource managed by field manager "{self._manager}" had an apply conflict: {error}\n'
                f'Set the annotation {PATCH_FORCE}: "true" to take these fields over, or leave them out of the program',
                error.opponents,
            ) from error
