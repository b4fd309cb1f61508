"""The resource provider that the engine speaks to.

Behaviour follows the official plugin with server-side apply, its default since version 4
(https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/).
"""

import hashlib
import os
import secrets
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from slipway.plugins.kubernetes import diff, waiting
from slipway.plugins.kubernetes.cluster import (
    MANAGER_PREFIX,
    ClusterError,
    ConflictError,
    ForbiddenError,
    ImmutableError,
    KubernetesCluster,
    NotFoundError,
    Object,
    default_namespace,
    load_config,
)
from slipway.plugins.kubernetes.kinds import Kind, UnknownKindError, kind_of
from slipway.plugins.properties import (
    UNKNOWN,
    conceal,
    decode,
    encode,
    has_unknowns,
    render,
    reveal,
    secret_paths,
)

VERSION = "4.34.2"
"""The version of the official plugin whose behaviour this follows."""
_AUTONAMED = "pulumi.com/autonamed"
_PATCH_FORCE = "pulumi.com/patchForce"
_OFFLINE = "__slipwayOffline"
"""Marks state written by this plugin, so that it is never taken for that of a real cluster."""
_SERVER_OWNED = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")
_Method = Callable[["Kubernetes", Any, grpc.ServicerContext], Any]


class InitFailedError(Exception):
    """The object was made and did not become ready: recorded by the engine, and tried again at the next update."""

    def __init__(self, identity: str, properties: Object, inputs: Object, reasons: list[str]) -> None:
        """Carry what the engine records."""
        super().__init__("; ".join(reasons))
        self.identity, self.properties, self.inputs, self.reasons = identity, properties, inputs, reasons


def _answering(method: _Method) -> _Method:
    """Turn what a method raises into what the engine understands."""

    @wraps(method)
    def answer(self: "Kubernetes", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except InitFailedError as error:
            _abort_partial(context, error)
        except (ClusterError, UnknownKindError, waiting.NotReadyError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    return answer


def _abort_partial(context: grpc.ServicerContext, error: InitFailedError) -> NoReturn:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identity,
            properties=encode(error.properties),
            inputs=encode(error.inputs),
            reasons=error.reasons,
        )
    )
    status = status_pb2.Status(code=code_pb2.UNKNOWN, message=str(error), details=[detail])
    context.abort_with_status(rpc_status.to_status(status))


class Kubernetes(provider_pb2_grpc.ResourceProviderServicer):
    """One provider process: every explicit provider of a program has one of its own.

    Args:
        engine: The engine's address, for messages; empty when there is none.
    """

    def __init__(self, engine: str = "") -> None:
        """Nothing is connected before `Configure`."""
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine)) if engine else None
        self._cancelled = threading.Event()
        self._cluster: KubernetesCluster | None = None
        self._namespace: str | None = None

    def close(self) -> None:
        """Close the connections to the cluster."""
        if self._cluster is not None:
            self._cluster.close()

    # -- configuration -------------------------------------------------------------------------------------------

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Agree on secrets travelling as such."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False, accept_outputs=False)

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Say which official version this stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Report to another engine than the one that started us."""
        del context
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(request.address))
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Accept the provider's settings as they are."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Another cluster means other objects: they are replaced."""
        old, new = reveal(decode(request.old_inputs)), reveal(decode(request.news))
        changed = [key for key in ("kubeconfig", "context", "cluster") if old.get(key) != new.get(key)]
        some = provider_pb2.DiffResponse.DIFF_SOME if old != new else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some, replaces=changed)

    @_answering
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Learn which cluster is meant; one that is not known yet (in a preview) is done without."""
        settings = reveal(decode(request.args))
        self._namespace = settings.get("namespace")
        kubeconfig = settings.get("kubeconfig") or os.environ.get("KUBECONFIG", "")
        if not has_unknowns(settings):
            if not kubeconfig:
                msg = 'no kubeconfig: run `eval "$(slipway env STACK)"` in this shell first'
                raise ClusterError(msg)
            self._cluster = KubernetesCluster(load_config(kubeconfig, settings.get("context")))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=False)

    # -- resources -----------------------------------------------------------------------------------------------

    @_answering
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Complete the inputs: apiVersion, kind, a name where none is given, the provider's namespace."""
        kind = kind_of(_token(request.urn))
        old, new = decode(request.olds), decode(request.news)
        new["apiVersion"], new["kind"] = kind.api_version, kind.kind
        metadata = dict(new.get("metadata") or {})
        if not metadata.get("name") and not metadata.get("generateName"):
            metadata["name"] = _kept_name(old) or _autoname(_name(request.urn), bytes(request.randomSeed))
            metadata["annotations"] = {**(metadata.get("annotations") or {}), _AUTONAMED: "true"}
        if kind.namespaced and self._namespace and not metadata.get("namespace"):
            metadata["namespace"] = self._namespace
        return provider_pb2.CheckResponse(inputs=encode({**new, "metadata": metadata}))

    @_answering
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Say what changes, and whether it needs a new object."""
        kind = kind_of(_token(request.urn))
        old, new = decode(request.old_inputs), decode(request.news)
        ignored = tuple(request.ignoreChanges)
        changes = [
            change
            for change in diff.compare(_normal(kind, old), _normal(kind, new))
            if not any(diff.is_below(change.path, path) for path in ignored)
        ]
        if not changes:
            return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
        forcing = ("metadata.name", "metadata.namespace", *kind.replace_on)
        if not any(diff.is_below(change.path, path) for change in changes for path in forcing):
            forcing, same = self._ask_server(kind, new, decode(request.olds))
            if same:
                return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
        return _diff_response(kind, old, new, changes, forcing)

    def _ask_server(self, kind: Kind, new: Object, state: Object) -> tuple[tuple[str, ...], bool]:
        """What the server would refuse to change, and whether for it nothing changes at all."""
        if self._cluster is None or has_unknowns(new):
            return (), False
        wanted = reveal(new)
        metadata = wanted["metadata"]
        try:
            live = self._cluster.get(kind, metadata["name"], default_namespace(kind, wanted))
            planned = self._apply(kind, wanted, state, dry_run=True)
        except ImmutableError as error:
            return error.fields, False
        except ClusterError:
            return (), False  # the update itself will say it
        return (), not list(diff.compare(_comparable(live), _comparable(planned)))

    @_answering
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Make the object and wait until it is ready; in a preview, ask the server what it would make."""
        kind = kind_of(_token(request.urn))
        inputs = decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=encode(self._planned(kind, inputs, {})))
        state = {"__fieldManager": f"{MANAGER_PREFIX}{secrets.token_hex(4)}"}
        live = self._apply(kind, reveal(inputs), state)
        properties = self._ready(request, kind, inputs, live, state)
        return provider_pb2.CreateResponse(id=_identity(live), properties=encode(properties))

    @_answering
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Change the object and wait until it is ready again."""
        kind = kind_of(_token(request.urn))
        inputs, state = decode(request.news), decode(request.olds)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=encode(self._planned(kind, inputs, state)))
        live = self._apply(kind, reveal(inputs), state)
        return provider_pb2.UpdateResponse(properties=encode(self._ready(request, kind, inputs, live, state)))

    @_answering
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """See what the object is now (`refresh`), or take one that exists (`import`)."""
        kind = kind_of(_token(request.urn))
        namespace, _, name = request.id.rpartition("/")
        state, inputs = decode(request.properties), decode(request.inputs)
        try:
            live = self._connected().get(kind, name, namespace or None)
        except NotFoundError:
            return provider_pb2.ReadResponse()
        if inputs:
            inputs = diff.drifted(inputs, state, live)
        else:
            inputs = {key: value for key, value in live.items() if key != "status"}
            inputs["metadata"] = {k: v for k, v in live["metadata"].items() if k not in _SERVER_OWNED}
        properties = _checkpoint(kind, inputs, live, state)
        return provider_pb2.ReadResponse(id=request.id, properties=encode(properties), inputs=encode(inputs))

    @_answering
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Delete the object and wait until it is gone; one that is gone already is fine."""
        kind = kind_of(_token(request.urn))
        namespace, _, name = request.id.rpartition("/")
        cluster = self._connected()
        try:
            cluster.delete(kind, name, namespace or None)
        except NotFoundError:
            return empty_pb2.Empty()
        seconds = request.timeout or waiting.DEFAULT_SECONDS
        waiting.wait_until_gone(cluster, kind, name, namespace or None, seconds=seconds, cancelled=self._cancelled)
        return empty_pb2.Empty()

    @_answering
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """No functions yet."""
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"the offline kubernetes plugin has no function {request.tok}; add it to slipway/plugins/kubernetes",
        )

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Give up waiting; what was made stays recorded."""
        self._cancelled.set()
        return empty_pb2.Empty()

    # -- tools ---------------------------------------------------------------------------------------------------

    def _connected(self) -> KubernetesCluster:
        if self._cluster is None:
            msg = "the provider's kubeconfig is not known yet"
            raise ClusterError(msg)
        return self._cluster

    def _apply(self, kind: Kind, inputs: Object, state: Object, *, dry_run: bool = False) -> Object:
        manager = str(state.get("__fieldManager") or f"{MANAGER_PREFIX}{secrets.token_hex(4)}")
        force = (inputs["metadata"].get("annotations") or {}).get(_PATCH_FORCE) == "true"
        try:
            return self._connected().apply(kind, inputs, manager=manager, force=force, dry_run=dry_run)
        except ConflictError as error:
            msg = (
                f"the Kubernetes API server reported a field conflict: {error}. Another manager owns these fields; "
                f'set the annotation {_PATCH_FORCE}: "true" to take them over, or leave them out of the program'
            )
            raise ConflictError(msg, error.managers) from error

    def _planned(self, kind: Kind, inputs: Object, state: Object) -> Object:
        """What an object would be, as far as the server can say."""
        if self._cluster is None or has_unknowns(inputs):
            return inputs
        try:
            planned = self._apply(kind, reveal(inputs), state, dry_run=True)
        except (NotFoundError, ForbiddenError):
            return inputs  # its namespace is made in the same update, or dry runs are not ours to make
        except (ImmutableError, ConflictError) as error:
            if state or (isinstance(error, ConflictError) and not error.is_own):
                raise
            return inputs  # it takes the place of an object that goes first
        planned.pop("status", None)
        for key in _SERVER_OWNED:
            planned["metadata"].pop(key, None)
        return _checkpoint(kind, inputs, planned, state)

    def _ready(self, request: Any, kind: Kind, inputs: Object, live: Object, state: Object) -> Object:
        plain = reveal(inputs)
        try:
            live = waiting.wait_until_ready(
                self._connected(),
                kind,
                live,
                seconds=waiting.seconds_allowed(plain, request.timeout),
                cancelled=self._cancelled,
                tell=lambda text: self._tell(request.urn, text),
            )
        except waiting.NotReadyError as error:
            properties = _checkpoint(kind, inputs, error.live, state)
            raise InitFailedError(_identity(error.live), properties, inputs, error.reasons) from error
        return _checkpoint(kind, inputs, live, state)

    def _tell(self, urn: str, text: str) -> None:
        if self._engine is not None:
            self._engine.Log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn, ephemeral=True))


def _token(urn: str) -> str:
    """The type in a URN: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`."""
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _autoname(name: str, seed: bytes) -> str:
    """The resource's name with eight hexadecimal digits, the same for the same seed (preview and update)."""
    suffix = hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4)
    return f"{name}-{suffix}"


def _kept_name(old: Object) -> str | None:
    """The name that was made for an object before; none when there was none, or the program gave it."""
    metadata = reveal(old.get("metadata") or {})
    return metadata.get("name") if (metadata.get("annotations") or {}).get(_AUTONAMED) == "true" else None


def _identity(live: Object) -> str:
    metadata = live["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def _checkpoint(kind: Kind, inputs: Object, live: Object, state: Object) -> Object:
    """What is recorded: the object as the server has it, and what later operations need to know."""
    properties: Object = {
        **live,
        "__fieldManager": state.get("__fieldManager", UNKNOWN if not state else ""),
        "__initialApiVersion": kind.api_version,
        _OFFLINE: True,
    }
    hidden = [*secret_paths(inputs), *((key,) for key in kind.secret)]
    concealed: Object = conceal(properties, hidden)
    return concealed


def _normal(kind: Kind, inputs: Object) -> Object:
    """Inputs with the namespace that is meant when none is written."""
    plain = reveal(inputs)
    metadata = dict(plain.get("metadata") or {})
    if kind.namespaced:
        metadata.setdefault("namespace", "default")
    return {**plain, "metadata": metadata}


def _comparable(live: Object) -> Object:
    metadata = {key: value for key, value in live["metadata"].items() if key not in _SERVER_OWNED}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def _diff_response(
    kind: Kind, old: Object, new: Object, changes: list[diff.PropertyChange], forcing: tuple[str, ...]
) -> Any:
    response = provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_SOME, hasDetailedDiff=True)
    kinds = provider_pb2.PropertyDiff.Kind
    for change in changes:
        path = render(change.path)
        replaces = any(diff.is_below(change.path, each) for each in forcing)
        name = {"add": "ADD", "delete": "DELETE", "update": "UPDATE"}[change.change.value]
        detail = kinds.Value(f"{name}_REPLACE" if replaces else name)
        response.detailedDiff[path].CopyFrom(provider_pb2.PropertyDiff(kind=detail, inputDiff=True))
        response.diffs.append(str(change.path[0]))
        if replaces:
            response.replaces.append(path)
    before, after = _normal(kind, old)["metadata"], _normal(kind, new)["metadata"]
    # Two objects cannot have one name, so the old one must go first; a name of ours is made anew instead.
    autonamed = (after.get("annotations") or {}).get(_AUTONAMED) == "true"
    same = before.get("name") == after.get("name") and before.get("namespace") == after.get("namespace")
    response.deleteBeforeReplace = bool(response.replaces) and same and not autonamed
    return response
