"""Serves an engine as `pulumi-resource-aws`."""

import sys

from pulumi.runtime.proto import provider_pb2_grpc

from slipway.plugins.aws.provider import Aws
from slipway.plugins.serving import serve


def main() -> None:
    """Serve one engine."""
    engine = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    provider = Aws(engine)
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server))
