"""The resource provider that the engine speaks to: its settings, and which of its resources a request is about."""

import os
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2

from slipway.embedded.modes import Mode
from slipway.errors import SlipwayError
from slipway.plugins.kubernetes import access, waiting
from slipway.plugins.kubernetes.applied import AppliedObjects
from slipway.plugins.kubernetes.cluster import ClusterError, KubernetesCluster, Object
from slipway.plugins.kubernetes.helm.releases import RELEASE, Releases
from slipway.plugins.kubernetes.kinds import UnknownKindError
from slipway.plugins.kubernetes.session import Resources, Session
from slipway.plugins.offline import (
    ForeignStateError,
    NoInstanceError,
    OfflineProvider,
    answering,
    this_instance,
    token_of,
)
from slipway.plugins.properties import decode, has_unknowns, reveal

_PLAINLY = (ClusterError, UnknownKindError, waiting.NotReadyError, NoInstanceError, ForeignStateError, SlipwayError)
"""What is the user's to know, in the words of the error."""


class Kubernetes(OfflineProvider):
    """The provider."""

    VERSION = "4.34.2"
    SETTINGS = frozenset({"kubeconfig", "context", "cluster", "namespace"})

    def __init__(self, engine: str = "") -> None:
        super().__init__(engine)
        self._session = Session(self.cancelled, self.tell, self.warn)
        self._objects = AppliedObjects(self._session)
        self._releases = Releases(self._session)

    def close(self) -> None:
        """Close the connections to the cluster, and remove what helm kept."""
        self._releases.close()
        if self._session.cluster is not None:
            self._session.cluster.close()

    # -- configuration -------------------------------------------------------------------------------------------

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Another cluster means other objects: they are replaced. Another way into the same one does not."""
        old, new = reveal(decode(request.old_inputs)), reveal(decode(request.news))
        changed = [key for key in sorted(self.SETTINGS) if old.get(key) != new.get(key)]
        elsewhere = _cluster_meant(old) is None or _cluster_meant(old) != _cluster_meant(new)
        some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        replaces = [key for key in changed if key != "namespace"] if elsewhere else []
        return provider_pb2.DiffResponse(changes=some, diffs=changed, replaces=replaces)

    @answering(*_PLAINLY)
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Learn which cluster is meant; one that is not known yet (in a preview) is done without."""
        settings = reveal(decode(request.args))
        instance = this_instance()
        self._session.mark, self._session.is_of_others = instance.mark, instance.mode is Mode.CONTEXT
        if not has_unknowns(settings):
            config = access.of_the_instance(access.named_by(_with_defaults(settings)))
            self._session.cluster = KubernetesCluster(config)
            self._session.namespace = settings.get("namespace") or config.namespace
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=False)

    # -- resources -----------------------------------------------------------------------------------------------

    @answering(*_PLAINLY)
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Complete the inputs, and refuse what would be passed over."""
        return self._resources(request).check(request)

    @answering(*_PLAINLY)
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Say what changes, and whether it needs a new resource."""
        return self._resources(request).diff(request)

    @answering(*_PLAINLY)
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Make the resource and wait until it is ready; in a preview, say what would be made."""
        return self._resources(request).create(request)

    @answering(*_PLAINLY)
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Change the resource and wait until it is ready again; in a preview, say what it would become."""
        return self._resources(request).update(request)

    @answering(*_PLAINLY)
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """See what the resource is now (`refresh`), or take one that exists (`import`, `get`)."""
        return self._resources(request).read(request)

    @answering(*_PLAINLY)
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Delete the resource and wait until it is gone; one that is gone already is fine."""
        return self._resources(request).delete(request)

    @answering()
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """No functions yet."""
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the offline kubernetes plugin has no function {request.tok}; add it to slipway/plugins/kubernetes",
        )

    def _resources(self, request: Any) -> Resources:
        return self._releases if token_of(request.urn) == RELEASE else self._objects


def _with_defaults(settings: Object) -> Object:
    return {**settings, "kubeconfig": settings.get("kubeconfig") or os.environ.get("KUBECONFIG", "")}


def _cluster_meant(settings: Object) -> Any:
    """The cluster that settings mean; none when they do not say."""
    if has_unknowns(settings):
        return None
    try:
        return access.named_by(_with_defaults(settings)).cluster
    except ClusterError:
        return None
