"""What every plugin does to be found by the engine: serve gRPC on a loopback port, and print that port."""

import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from concurrent import futures

import grpc

_MAX_MESSAGE_BYTES = 400 * 2**20
"""As the engine's own limit (sdk/go/common/util/rpcutil)."""


def serve(register: Callable[[grpc.Server], None], *, threads: int = 64) -> None:
    """Serve until the engine ends us: by a signal, or by closing our standard input's other end.

    Args:
        register: Adds the servicer to a server.
        threads: Requests served at once; a request waits in its thread until its resource is ready.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(threads),
        options=[
            ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
        ],
    )
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = threading.Event()
    # The engine ends its plugins with SIGINT; one in the terminal goes to the engine alone, which has them cancel.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    threading.Thread(target=_watch_parent, args=(ended,), daemon=True).start()
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    ended.wait()
    server.stop(grace=1.0).wait()


def _watch_parent(ended: threading.Event) -> None:
    """End when the engine is gone: it holds the other end of our standard input for as long as it lives."""
    if not stat.S_ISFIFO(os.fstat(0).st_mode):
        return
    while os.read(0, 4096):
        pass
    ended.set()
