"""Pushing to a registry of others: how it is spoken to, and what is said where it does not answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from slipway.borrowed.images import check, is_here, push
from slipway.engines.locate import Programs, locate
from slipway.engines.table import engine
from slipway.errors import PushError
from slipway.progress import Progress
from tests.ports import free_port
from tests.slipway.building import archives

SKOPEO = locate(engine("skopeo"))


@pytest.mark.parametrize("registry", ["registry.example.com:5000/a/b", "10.0.0.7:5000/a", "localhost.example.com/a"])
def test_nobody_elsewhere_is_spoken_to_without_tls(registry: str) -> None:
    assert not is_here(registry)


@pytest.mark.parametrize("registry", ["localhost:5001/slipway", "localhost/slipway", "127.0.0.1:5000"])
def test_this_machine_is_spoken_to_without_tls(registry: str) -> None:
    assert is_here(registry)


def test_what_is_no_registry_is_said_before_anything_is_built_for_it() -> None:
    port = free_port()
    with pytest.raises(PushError, match=f"does not answer at http://localhost:{port}/v2/") as refused:
        check(f"localhost:{port}/slipway")
    assert "slipway:cluster.registry" in refused.value.remedy
    with web_server() as other, pytest.raises(PushError, match="answers 404, as no registry does"):
        check(f"localhost:{other}/slipway")


@contextmanager
def web_server() -> Iterator[int]:
    """Something that speaks HTTP and has nothing."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class _Nothing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Nobody is told."""


@pytest.mark.skipif(SKOPEO.found is None, reason="skopeo is not installed, as only root may")
def test_a_registry_that_does_not_answer_is_said_with_what_to_do(tmp_path: Path) -> None:
    port = free_port()
    build = archives.build(tmp_path / "image", b"layer")
    with pytest.raises(PushError) as refused:
        push(build, f"localhost:{port}/slipway", Programs([SKOPEO]), Progress(quiet=True))
    for part in (f"could not be pushed to localhost:{port}/slipway", "refused", f"skopeo login localhost:{port}"):
        assert part in str(refused.value)
