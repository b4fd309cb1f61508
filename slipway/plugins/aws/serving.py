"""Serves an engine as `pulumi-resource-aws`."""

from pulumi.runtime.proto import provider_pb2_grpc

from slipway.plugins.aws.provider import Aws
from slipway.plugins.serving import serve


def main(engine: str) -> None:
    """Serve one engine."""
    provider = Aws(engine)
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server))
