"""What all offline resource plugins share: how they answer the engine, fail, log, and describe changes."""

import hashlib
import ipaddress
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from slipway.embedded.instance import Instance
from slipway.errors import InstanceError
from slipway.plugins.diff import PropertyChange, is_below
from slipway.plugins.properties import decode, encode, render

MARK = "__slipwayOffline"
"""Marks state written by these plugins, so that it is never taken for that of a real environment."""
Properties = dict[str, Any]
Self = TypeVar("Self", bound="OfflineProvider")


class InitFailedError(Exception):
    """The resource was made and did not become ready: recorded by the engine, and tried again at the next update."""

    def __init__(self, identity: str, properties: Properties, inputs: Properties, reasons: list[str]) -> None:
        """Carry what the engine records."""
        super().__init__("; ".join(reasons))
        self.identity, self.properties, self.inputs, self.reasons = identity, properties, inputs, reasons


def answering(
    *errors: type[Exception],
) -> Callable[[Callable[[Self, Any, Any], Any]], Callable[[Self, Any, Any], Any]]:
    """Turn what a method raises into what the engine understands: `errors` are the user's, and are told plainly."""

    def decorate(method: Callable[[Self, Any, Any], Any]) -> Callable[[Self, Any, Any], Any]:
        @wraps(method)
        def answer(self: Self, request: Any, context: Any) -> Any:
            try:
                return method(self, request, context)
            except InitFailedError as error:
                _abort_partial(context, error)
            except errors as error:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

        return answer

    return decorate


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


class OfflineProvider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider process: every explicit provider of a program has one of its own.

    Args:
        engine: The engine's address, for messages; empty when there is none.
    """

    VERSION = ""
    """The version of the official plugin whose behaviour is followed."""
    SETTINGS: frozenset[str] = frozenset()
    """The provider settings that are followed; others are refused."""

    def __init__(self, engine: str = "") -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine)) if engine else None
        self.cancelled = threading.Event()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Agree on secrets travelling as such."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False, accept_outputs=False)

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Say which official version this stands in for."""
        return plugin_pb2.PluginInfo(version=self.VERSION)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Report to another engine than the one that started us."""
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(request.address))
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Refuse settings that would be passed over: what they ask for would not happen."""
        unknown = sorted(set(decode(request.news)) - self.SETTINGS - {"version"})
        failures = [
            provider_pb2.CheckFailure(
                property=name,
                reason=f"the offline plugin does not know this setting; it knows {', '.join(sorted(self.SETTINGS))}",
            )
            for name in unknown
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Give up waiting; what was made stays recorded."""
        self.cancelled.set()
        return empty_pb2.Empty()

    def tell(self, urn: str, text: str) -> None:
        """Show a line beside a resource while it is worked on."""
        self._log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=text, urn=urn, ephemeral=True))

    def warn(self, urn: str, text: str) -> None:
        """Show what the user should know of a resource, once it is done as well."""
        self._log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=text, urn=urn))

    def _log(self, request: Any) -> None:
        if self._engine is not None:
            self._engine.Log(request)


class ForeignStateError(Exception):
    """State that these plugins did not write: it may describe something real."""


def own(state: Properties) -> Properties:
    """The same state, seen to be written by these plugins.

    Raises:
        ForeignStateError: It was not.
    """
    if state and not state.get(MARK):
        raise ForeignStateError(
            "this state was not written by the offline plugins, and may describe something real; "
            "offline, only the state of an embedded environment may be changed"
        )
    return state


def this_instance() -> Instance:
    """The instance of this shell, whether or not anything is left of it.

    Raises:
        NoInstanceError: This shell is that of no instance.
    """
    try:
        return Instance(os.environ.get("SLIPWAY_INSTANCE", ""))
    except InstanceError as error:
        raise NoInstanceError(_NO_INSTANCE) from error


def instance_port(what: str) -> int:
    """The port on this machine where the instance of this shell offers something.

    Args:
        what: `api` or `aws`.

    Raises:
        NoInstanceError: This shell is that of no instance.
    """
    port = this_instance().ports().get(what)
    if port is None:
        raise NoInstanceError(_NO_INSTANCE)
    return port


_NO_INSTANCE = (
    "the offline plugins work for an embedded environment only: "
    'run `eval "$(slipway env STACK)"` in this shell, or use the official plugins'
)


def leads_to(url: str, scheme: str, port: int) -> bool:
    """Whether a URL means a port of this machine's loopback, and nothing else.

    Args:
        url: The URL.
        scheme: What it must speak.
        port: The port.
    """
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == scheme
            and parts.username is None
            and parts.port == port
            and ipaddress.ip_address(parts.hostname or "").is_loopback
        )
    except ValueError:
        return False


class NoInstanceError(Exception):
    """This shell is that of no instance."""


def token_of(urn: str) -> str:
    """The type in a URN: `urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of(urn: str) -> str:
    """The resource's name in a URN; it may itself contain `::`."""
    return urn.split("::", 3)[3]


def autoname(name: str, seed: bytes, digits: int) -> str:
    """The resource's name with hexadecimal digits, the same for the same seed (preview and update)."""
    suffix = hashlib.sha256(seed).hexdigest()[:digits] if seed else secrets.token_hex(digits)[:digits]
    return f"{name}-{suffix}"


def no_changes() -> Any:
    """The answer to `Diff` when nothing differs."""
    return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)


def describe_changes(changes: Iterable[PropertyChange], *, forcing: Iterable[str], delete_first: bool) -> Any:
    """The answer to `Diff` when something does.

    Args:
        changes: What differs.
        forcing: Properties whose change means a new resource.
        delete_first: Whether, in that case, the old one must go before the new one comes.
    """
    response = provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_SOME, hasDetailedDiff=True)
    forcing = tuple(forcing)
    for change in changes:
        path = render(change.path)
        replaces = any(is_below(change.path, each) for each in forcing)
        name = _KIND_OF_CHANGE[change.change.value] + ("_REPLACE" if replaces else "")
        detail = provider_pb2.PropertyDiff.Kind.Value(name)
        response.detailedDiff[path].CopyFrom(provider_pb2.PropertyDiff(kind=detail, inputDiff=True))
        response.diffs.append(str(change.path[0]))
        if replaces:
            response.replaces.append(path)
    response.deleteBeforeReplace = bool(response.replaces) and delete_first
    return response


_KIND_OF_CHANGE: Mapping[str, str] = {"add": "ADD", "delete": "DELETE", "update": "UPDATE"}
