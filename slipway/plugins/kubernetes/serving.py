"""Serves an engine as `pulumi-resource-kubernetes`."""

from pulumi.runtime.proto import provider_pb2_grpc

from slipway.plugins.kubernetes.provider import Kubernetes
from slipway.plugins.serving import serve


def main(engine: str) -> None:
    """Serve one engine."""
    provider = Kubernetes(engine)
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server))
    provider.close()
