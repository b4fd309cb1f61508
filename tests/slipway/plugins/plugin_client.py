"""Speaks to an offline plugin as the engine does: over gRPC, with the engine's own messages."""

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2
from grpc_status import rpc_status
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from slipway.plugins.offline import OfflineProvider
from slipway.plugins.properties import decode, encode


class PluginError(Exception):
    """What the plugin answered instead of a result.

    Attributes:
        partial: What it says exists all the same: id, properties, reasons. None when nothing does.
    """

    def __init__(self, message: str, partial: Any) -> None:
        super().__init__(message)
        self.partial = partial


@dataclass
class Resource:
    """A resource as the engine would record it."""

    urn: str
    identity: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    @property
    def name(self) -> str:
        return self.identity.rpartition("/")[2]


class Plugin:
    """A plugin and what the engine does with it."""

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub) -> None:
        self._stub = stub

    def call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self._stub, method)(request)
        except grpc.RpcError as error:
            call: Any = error
            status = rpc_status.from_call(call)
            partial = None
            for detail in status.details if status else ():
                partial = provider_pb2.ErrorResourceInitFailed()
                detail.Unpack(partial)
            raise PluginError(call.details() or "", partial) from None

    def cancel(self) -> None:
        self.call("Cancel", empty_pb2.Empty())

    def configure(self, **settings: Any) -> None:
        self.call("Configure", provider_pb2.ConfigureRequest(args=encode(settings), acceptSecrets=True))

    def check(self, token: str, name: str, inputs: dict[str, Any], old: Resource | None = None) -> dict[str, Any]:
        request = provider_pb2.CheckRequest(
            urn=f"urn:pulumi:test::test::{token}::{name}",
            news=encode(inputs),
            olds=encode(old.inputs if old else {}),
            randomSeed=name.encode() * 4,
        )
        return decode(self.call("Check", request).inputs)

    def create(
        self, token: str, name: str, inputs: dict[str, Any], *, preview: bool = False, seconds: float = 0
    ) -> Resource:
        checked = self.check(token, name, inputs)
        urn = f"urn:pulumi:test::test::{token}::{name}"
        request = provider_pb2.CreateRequest(urn=urn, properties=encode(checked), preview=preview, timeout=seconds)
        reply = self.call("Create", request)
        return Resource(urn, reply.id, checked, decode(reply.properties))

    def diff(self, old: Resource, inputs: dict[str, Any]) -> Any:
        return self.call(
            "Diff",
            provider_pb2.DiffRequest(
                id=old.identity,
                urn=old.urn,
                olds=encode(old.outputs),
                old_inputs=encode(old.inputs),
                news=encode(self._checked(old, inputs)),
            ),
        )

    def update(self, old: Resource, inputs: dict[str, Any], *, preview: bool = False) -> Resource:
        checked = self._checked(old, inputs)
        reply = self.call(
            "Update",
            provider_pb2.UpdateRequest(
                id=old.identity,
                urn=old.urn,
                olds=encode(old.outputs),
                old_inputs=encode(old.inputs),
                news=encode(checked),
                preview=preview,
            ),
        )
        return Resource(old.urn, old.identity, checked, decode(reply.properties))

    def read(self, old: Resource) -> Resource | None:
        reply = self.call(
            "Read",
            provider_pb2.ReadRequest(
                id=old.identity, urn=old.urn, properties=encode(old.outputs), inputs=encode(old.inputs)
            ),
        )
        return Resource(old.urn, reply.id, decode(reply.inputs), decode(reply.properties)) if reply.id else None

    def delete(self, old: Resource, *, seconds: float = 60) -> None:
        request = provider_pb2.DeleteRequest(
            id=old.identity, urn=old.urn, properties=encode(old.outputs), timeout=seconds
        )
        self.call("Delete", request)

    def _checked(self, old: Resource, inputs: dict[str, Any]) -> dict[str, Any]:
        _, _, token, name = old.urn.split("::")
        return self.check(token, name, inputs, old)


@contextmanager
def serving(provider: OfflineProvider) -> Iterator[Plugin]:
    """Serve a plugin in this process, and connect to it."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Plugin(provider_pb2_grpc.ResourceProviderStub(channel))
    finally:
        server.stop(grace=None).wait()
