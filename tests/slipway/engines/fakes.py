"""A team with small engines: a table of its own, two machines' caches, packs that were tampered with, and a server."""

import hashlib
import io
import json
import lzma
import os
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from slipway.engines import entries
from slipway.engines.build import ensure
from slipway.engines.cache import cache_folder
from slipway.engines.entries import Engine, GoModule
from slipway.progress import Phase, Progress

ALPHA = GoModule(name="alpha", path="example.org/alpha", ldflags="-X {version}")
BETA = GoModule(name="beta", path="example.org/beta")
UP: frozenset[entries.Command] = frozenset({"up"})
FAKES = tuple(
    Engine(name=name, purpose="fake", needed_by=UP, module=module, package="x")
    for name, module in (("alpha-server", ALPHA), ("alpha-agent", ALPHA), ("beta", BETA))
)
NAMES = sorted(engine.name for engine in FAKES)

Members = list[tuple[tarfile.TarInfo, bytes]]
Answer = Callable[[BaseHTTPRequestHandler], None]


class BuiltError(Exception):
    """Something was built that should have come from the pack."""


def built(module: GoModule, engines: list[Engine], phase: Phase) -> None:
    """Stands for a Go build."""
    del phase
    raise BuiltError(f"{module.version}: {', '.join(engine.name for engine in engines)}")


def pins(root: Path, **versions: str) -> None:
    """Write the checkout's pins."""
    for name, version in versions.items():
        folder = root / "modules" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "go.mod").write_text(f"module x\nrequire example.org/{name} v{version}\n")
    entries._pinned.cache_clear()


def install(root: Path, patch: Callable[[Any, str, Any], None]) -> None:
    """Put the small table in the real one's place."""
    from slipway.engines import build, cache, locate, pack  # noqa: PLC0415  # a started process has them to itself

    for module in (cache, locate, pack):
        patch(module, "ENGINES", FAKES)
    patch(entries, "MODULES", root / "modules")
    patch(build, "build", built)
    patch(locate, "_SYSTEM_FOLDERS", ())


def content(engine: Engine) -> bytes:
    """What a fake program consists of."""
    return f"#!/bin/sh\necho {engine.name}\n".encode() + hashlib.sha256(engine.name.encode()).digest() * 5000


def fill_cache(*, without: str = "") -> None:
    """As if everything had been built here."""
    for engine in FAKES:
        if engine.name != without and engine.module is not None:
            program = cache_folder(engine.module) / engine.name
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_bytes(content(engine))
            program.chmod(0o755)


def in_cache(cache_home: Path) -> dict[str, bytes]:
    """Every file of an engine cache but its locks, hidden ones and leftovers included."""
    folder = cache_home / "slipway" / "engines"
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.endswith(".lock")
    }


def rewritten(pack: Path, into: Path, change: Callable[[Members], Members]) -> Path:
    """A pack whose members were changed by hand."""
    with tarfile.open(pack) as archive:
        members = [(m, (archive.extractfile(m) or io.BytesIO()).read()) for m in archive.getmembers()]
    with lzma.open(into, "wb") as compressed, tarfile.open(fileobj=compressed, mode="w") as archive:
        for member, data in change(members):
            member.size = len(data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(data))
    return into


def manifest_changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[Members], Members]:
    """Change a pack's manifest; what `change` returns takes its place, unless that is nothing."""

    def apply(members: Members) -> Members:
        (info, data), *rest = members
        manifest = json.loads(data)
        result = change(manifest)
        return [(info, json.dumps(manifest if result is None else result).encode()), *rest]

    return apply


def file(path: Path, *, torn: bool = False, seconds: float = 0.0) -> Answer:
    """Answer with a file after a while; when `torn`, the connection ends in its middle."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        data = path.read_bytes()
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        time.sleep(seconds)
        request.wfile.write(data[: len(data) // 2] if torn else data)

    return answer


def status(number: int, body: bytes = b"") -> Answer:
    """Answer with a status."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(number)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


@contextmanager
def serving(*answers: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server on the loopback that gives these answers in turn, the last one for ever; yields its URL and its log."""
    asked: list[str] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            (left.pop(0) if len(left) > 1 else left[0])(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def one_of_two(root: str, start: Any, said: Any) -> None:
    """A `slipway up` of its own process, as far as its engines: for tests of two at a time."""
    install(Path(root), setattr)
    start.wait()
    progress = Progress(quiet=True)
    try:
        ensure("up", progress)
    except Exception as error:  # noqa: BLE001  # whatever it is, the test shows it
        said.put(f"{os.getpid()}: {error!r}")
    else:
        said.put("")
