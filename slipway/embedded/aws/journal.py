"""A memory for moto: every request that changed something is written down, and answered again after a restart.

moto keeps its state in memory. It draws every identifier from one random generator and every time from the clock, so
requests that are answered again in their order, each with its own seed and at its own time, leave the same state:
the same ids, the same dates. Requests are answered one at a time, which also keeps their order.

The journal is not compacted: what a request leaves may depend on any that came before. It grows by about 1 kB a
request, and by 4/3 of the bytes of every object (not of layers of images, of which nothing is kept); a thousand
requests of all kinds were answered again in 4 s of one core (moto 5.2). `slipway down` ends it.
"""

import base64
import errno
import importlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import time_machine
from moto.moto_api._internal import mock_random
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from slipway.embedded.aws.endpoint import HEALTH
from slipway.embedded.aws.operations import Operation, operation_of, take_wait, without_bytes
from slipway.embedded.aws.replaying import replaying

_App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_POLL_SECONDS = 0.2
_RECEIVE = "ReceiveMessage"
"""Changes something only where it finds a message."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One request that changed something.

    Attributes:
        at: When it was answered, seconds since the epoch.
        seed: What moto's random generator was seeded with.
        method: HTTP method.
        url: Path and query, as sent.
        headers: As sent; they say which service, region and account are meant.
        body: Base64.
    """

    at: float
    seed: str
    method: str
    url: str
    headers: dict[str, str]
    body: str

    @property
    def content(self) -> bytes:
        """The body as sent."""
        return base64.b64decode(self.body)


class Journal:
    """A WSGI application around moto's.

    Args:
        app: moto.
        file: Where the journal is kept: one JSON object a line. It holds what it was told, secrets included, and
            can be read by its owner only.
    """

    def __init__(self, app: _App, file: Path) -> None:
        self._app = app
        self._turn = threading.Lock()
        self._count = 0
        self._file = file
        self._failed = 0
        _use_one_source_of_randomness()
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._out = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        os.fchmod(self._out, 0o600)
        self._size = self._replay()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        response = self._health() if request.path == HEALTH else self._answer(request)
        return response(environ, start_response)

    def _health(self) -> Response:
        """How many requests are remembered, how many could not be answered again, and in how many bytes."""
        told = {"remembered": self._count, "failed": self._failed, "bytes": self._size}
        return Response(json.dumps(told), mimetype="application/json")

    def close(self) -> None:
        """Let a request that is being answered end, and answer no other."""
        self._turn.acquire()
        os.close(self._out)

    def _answer(self, request: Request) -> Response:
        body = request.get_data(cache=True)
        headers = dict(request.headers)
        operation = operation_of(request.method, request.path, headers, body)
        deadline = time.monotonic()
        if operation.name == _RECEIVE:
            body, seconds = take_wait(headers, body)
            deadline += seconds
        url = _as_it_came(request)
        while True:
            entry = Entry(time.time(), "", request.method, url, headers, base64.b64encode(body).decode())
            response, has_message = self._once(entry, operation)
            if operation.name != _RECEIVE or has_message or time.monotonic() >= deadline:
                return response
            time.sleep(_POLL_SECONDS)

    def _once(self, entry: Entry, operation: Operation) -> tuple[Response, bool]:
        """Answer once; say whether the answer carries a message of a queue."""
        with self._turn:
            seed = f"{entry.at}:{self._count}"
            entry = Entry(**{**asdict(entry), "seed": seed})
            response = self._perform(entry) if operation.changes else self._ask(entry)
            has_message = b"ReceiptHandle" in response.get_data()
            if operation.changes and response.status_code < 400 and (has_message or operation.name != _RECEIVE):
                self._remember(_kept(entry, operation))
        return response, has_message

    def _perform(self, entry: Entry) -> Response:
        """Answer with the entry's own randomness, at the entry's own time."""
        mock_random.seed(entry.seed)
        with time_machine.travel(entry.at, tick=False):
            return self._ask(entry)

    def _ask(self, entry: Entry) -> Response:
        headers = {key: value for key, value in entry.headers.items() if key.lower() != "content-length"}
        path, _, query = entry.url.partition("?")
        builder = EnvironBuilder(
            method=entry.method,
            path=path,
            query_string=query,
            base_url=f"http://{entry.headers.get('Host', 'localhost')}",
            headers=Headers(headers),
            data=entry.content,
        )
        try:
            environ = builder.get_environ()
        finally:
            builder.close()
        environ["RAW_URI"] = environ["REQUEST_URI"] = entry.url
        return Response.from_app(self._app, environ, buffered=True)

    def _remember(self, entry: Entry) -> None:
        """Write an entry down, before its answer is given to anybody.

        Raises:
            OSError: It cannot be written; nothing of it is left in the journal.
        """
        line = json.dumps(asdict(entry)).encode() + b"\n"
        try:
            written = os.write(self._out, line)
        except OSError:
            written = -1
        if written < len(line):
            os.ftruncate(self._out, self._size)
            raise OSError(errno.EIO, f"the AWS endpoint cannot write its journal {self._file}; is the disk full?")
        self._size += len(line)
        self._count += 1

    def _replay(self) -> int:
        """Answer again what was answered before; the size of what is kept, in bytes.

        A last line without an end was being written when the process was killed: it was never confirmed to anybody,
        and is cut off. Any other line that cannot be read or answered is told in the log, kept, and passed over.
        """
        kept = 0
        with self._file.open("rb") as lines, replaying():
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    break
                kept += len(line)
                self._count += 1
                try:
                    entry = Entry(**json.loads(line))
                    status = self._perform(entry).status_code
                except Exception as error:  # noqa: BLE001  # whatever it is, the others are still to be answered
                    self._pass_over(number, repr(error))
                else:
                    if status >= 400:
                        self._pass_over(number, f"{entry.method} {entry.url} was answered with status {status}")
        os.ftruncate(self._out, kept)
        return kept

    def _pass_over(self, number: int, reason: str) -> None:
        self._failed += 1
        _LOG.warning("%s:%d: passed over: %s", self._file, number, reason)


def _kept(entry: Entry, operation: Operation) -> Entry:
    """What is written down of a request: itself, but for the bytes of a layer."""
    content = entry.content
    body = without_bytes(operation, content)
    return entry if body is content else Entry(**{**asdict(entry), "body": base64.b64encode(body).decode()})


def _as_it_came(request: Request) -> str:
    """Path and query, still encoded: of `…/role%2Fadmin/policies` only that says where the name ends."""
    url: str = request.environ["RAW_URI"]
    if url.startswith("/"):
        return url
    parts = urlsplit(url)  # in full, as a proxy is asked
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


class _SeededOs:
    """The `os` module, but for its randomness."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    @staticmethod
    def urandom(size: int) -> bytes:
        """As `os.urandom`, from moto's generator."""
        return bytes(mock_random.randbytes(size))


def _use_one_source_of_randomness() -> None:
    """Where moto asks the system for random bytes (keys of KMS, ids of uploads), let it ask its own generator."""
    for name in ("kms.models", "kms.responses", "kms.utils", "s3.models"):
        module: Any = importlib.import_module(f"moto.{name}")
        module.os = _SeededOs()
