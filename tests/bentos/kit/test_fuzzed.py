"""Ten thousand bodies that are nearly right, to each of two models: each gets an answer, and none is kept."""

import json
import random
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bentos.kit.served import MODELS, Served

BODIES = 10_000
STATUSES = {200, 400, 413, 415, 422, 429}
GROWTH_BYTES = 1 << 20
"""Of resident memory, over the second half of the bodies; what allocators keep for themselves is less."""
MOST_BYTES = 32 << 10
TOKENS = (
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"null", b"true", b"NaN", b"-", b"[]", b"{}", b'""', b"\\", b" "),
    *(
        b"1e999",
        b"-1e999",
        b"1e-999",
        b"-0",
        b"0x1",
        b"01",
        b"1.",
        b"9" * 25,
        b"9" * 400,
        b"9" * 5000,
        b"1180591620717411303424",
    ),
    *(
        b"\\ud800",
        b"\\udc00\\ud800",
        b"\\u0000",
        b"\x00",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xf0\x9f\x98\x80",
    ),
    *(
        b'"rows":',
        b'"lines":[],',
        b'"parts":',
        b'"type":"card",',
        b'"2026-13-01T00:00:00Z"',
        b'"9999-12-31T23:59:59+23:59"',
    ),
)
DRAWING = {"rows": [[round(0.37 * (x + 8 * y), 2) for x in range(8)] for y in range(8)]}
ORDER = {
    "lines": [{"article": "ä-1", "count": 3, "price": 9.5}, {"article": "\U0001f600", "count": -1}],
    "payment": {"type": "card", "digits": "1234"},
    "due": "2026-11-22T21:00:00.5+01:00",
    "notes": {"gift": 'to "you"', "floor": 3, "names": ["a", "b"]},
    "parts": [{"lines": [], "payment": {"type": "transfer", "account": "x"}, "due": "2026-11-22T21:00:00Z"}],
}  # fmt: skip


def flipped(chance: random.Random, body: bytearray) -> None:
    for _ in range(chance.randint(1, 4)):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)


def cut(chance: random.Random, body: bytearray) -> None:
    begin = chance.randrange(len(body))
    del body[begin : chance.choice((len(body), begin + chance.randint(1, 20)))]


def told_more(chance: random.Random, body: bytearray) -> None:
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(body) + 1)
        body[at : at + chance.choice((0, 0, 1, 8))] = chance.choice(TOKENS)


def repeated(chance: random.Random, body: bytearray) -> None:
    begin, end = sorted((chance.randrange(len(body)), chance.randrange(len(body))))
    body[begin:begin] = body[begin:end] * chance.randint(1, 4)


def nested(chance: random.Random, body: bytearray) -> None:
    begins, ends = chance.choice(((b"[", b"]"), (b'{"parts":[', b"]}"), (b'{"notes":', b"}"), (b"[[", b"")))
    depth = chance.choice((3, 70, 900, 1100, 4000))
    body[:] = begins * depth + bytes(body) + ends * depth


def swollen(chance: random.Random, body: bytearray) -> None:
    at = chance.randrange(len(body))
    body[at:at] = chance.choice((b" ", b"7", b"a", b"[", b"\xc3")) * chance.choice((500, 5000, MOST_BYTES))


def untouched(_: random.Random, __: bytearray) -> None:
    pass


CHANGES: dict[Callable[[random.Random, bytearray], None], int] = {
    flipped: 25, cut: 15, told_more: 30, repeated: 15, nested: 8, swollen: 4, untouched: 3,
}  # fmt: skip


def bodies(seed: int, item: Any) -> Iterator[tuple[bytes, bytes]]:
    """Paths and what is sent there."""
    chance = random.Random(seed)  # noqa: S311  # the same bodies every time
    right = {b"/predict": json.dumps(item), b"/predict/batch": json.dumps([item, item], ensure_ascii=False)}
    while True:
        path = chance.choice(list(right))
        body = bytearray(right[path].encode())
        for change in chance.choices(list(CHANGES), list(CHANGES.values()), k=chance.choice((1, 1, 1, 2, 3))):
            if body:
                change(chance, body)
        yield path, bytes(body)


class Wire:
    """A connection that is kept, and that holds the server to HTTP: whole answers, and nothing but answers."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._socket: socket.socket | None = None

    def ask(self, path: bytes, body: bytes) -> int:
        if self._socket is None:
            self._socket = self._served.connect()
        self._socket.sendall(b"POST %b HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%b" % (path, len(body), body))
        head, _, said = self._until_head_is_whole().partition(b"\r\n\r\n")
        status, *lines = head.decode("ascii").split("\r\n")
        headers = dict(line.lower().split(": ") for line in lines)
        while len(said) < int(headers["content-length"]):
            said += self._more()
        assert len(said) == int(headers["content-length"])
        assert headers["content-type"] == "application/json"
        version, code, _ = status.split(" ", 2)
        assert (version, "error" in json.loads(said)) == ("HTTP/1.1", code != "200")
        if "close" in headers.get("connection", ""):
            self.close()
        return int(code)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _until_head_is_whole(self) -> bytes:
        said = self._more()
        while b"\r\n\r\n" not in said:
            said += self._more()
        return said

    def _more(self) -> bytes:
        assert self._socket is not None
        part = self._socket.recv(65536)
        assert part, "the connection was closed within an answer"
        return part


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], Served]]:
    served: list[Served] = []

    def start(model: str) -> Served:
        served.append(
            Served(
                f"serving_models:{model}",
                tmp_path,
                code=MODELS.parent,
                max_body_bytes=MOST_BYTES,
                max_batch=64,
                log_sample=0,
            )
        )
        return served[-1].ready()

    yield start
    for each in served:
        each.close()


@pytest.mark.parametrize(("model", "item"), [("Drawings", DRAWING), ("Orders", ORDER)])
def test_whatever_is_sent_is_answered_and_nothing_of_it_stays(
    serve: Callable[[str], Served], model: str, item: Any
) -> None:
    served = serve(model)
    wire, statuses, sizes = Wire(served), Counter[int](), []
    for number, (path, body) in zip(range(BODIES), bodies(20261122, item), strict=False):
        if number == BODIES // 2:
            sizes.append(served.resident_bytes)
        status = wire.ask(path, body)
        assert status in STATUSES, (status, path, body)
        statuses[status] += 1
    sizes.append(served.resident_bytes)
    wire.close()
    assert served.metric("slipway_in_flight") == 0
    assert (served.status("/livez"), served.status("/readyz")) == (200, 200)
    assert served.said.count('"level":"error"') == 0
    assert min(statuses[200], statuses[400], statuses[413], statuses[422]) > BODIES / 200, statuses
    assert sizes[1] - sizes[0] < GROWTH_BYTES
