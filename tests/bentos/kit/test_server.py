"""The container's command, as a process on the loopback: how it starts, what it cuts off, how it ends."""

import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.bentos.kit.served import MODELS, SECONDS, Served, received


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    served: list[Served] = []

    def start(target: str = "Waiting", **settings: Any) -> Served:
        shutil.copy(MODELS, tmp_path)
        served.append(Served(f"serving_models:{target}", tmp_path, **settings))
        return served[-1]

    yield start
    for each in served:
        each.close()


def raw(ms: float, note: str) -> bytes:
    body = b'{"ms": %g, "note": "%s"}' % (ms, note.encode())
    return b"POST /predict HTTP/1.1\r\nhost: here\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def trickle(connection: socket.socket, until: float) -> None:
    while time.monotonic() < until:
        connection.sendall(b"x: y\r\n")
        time.sleep(0.02)


def ask_on(connection: socket.socket, request: bytes) -> None:
    while True:
        connection.sendall(request)


def test_it_is_live_while_the_model_loads_and_ready_afterwards(serve: Callable[..., Served]) -> None:
    served = serve("Slow")
    served.until(lambda: served.status("/livez") == 200)
    assert served.status("/readyz") == 503
    assert served.ready().predict(0, "a").json() == {"note": "a"}
    assert served.end() == 0


def test_where_reading_takes_too_long_the_rest_is_refused_unread(serve: Callable[..., Served]) -> None:
    served = serve("Scrolls", objective_ms=2000, execution="inline").ready()

    def asking(ms: int, name: str) -> bytes:
        body = b'{"ms": %d}' % ms
        head = b"POST /predict HTTP/1.1\r\nhost: here\r\nconnection: close\r\nx-request-id: %b\r\n" % name.encode()
        return head + b"content-length: %d\r\n\r\n" % len(body) + body

    with ExitStack() as clients:
        first, *others = (clients.enter_context(served.connect()) for _ in range(61))
        served.until(lambda: served.connections >= 61)
        first.sendall(asking(500, "first"))
        time.sleep(0.1)  # the event loop reads the first, while the others come
        for number, each in enumerate(others):
            each.sendall(asking(20, f"other-{number}"))
        assert received(first).startswith(b"HTTP/1.1 200 ")
        answers = [received(each) for each in others]
    refused = [(number, each) for number, each in enumerate(answers) if each.startswith(b"HTTP/1.1 429 ")]
    assert 16 <= sum(each.startswith(b"HTTP/1.1 200 ") for each in answers) == 60 - len(refused) < 60
    for number, answer in refused:
        assert b'"reason":"overloaded"' in answer
        assert b"\r\nretry-after: 2\r\n" in answer
        assert b"\r\nx-request-id: other-%d\r\n" % number in answer
    assert served.metric('slipway_refusals_total{reason="overloaded"}') == len(refused)
    assert served.metric('slipway_request_duration_seconds_count{route="/predict",status="429"}') == len(refused)
    assert served.metric("slipway_in_flight") == 0


def test_a_signal_to_end_loses_nothing_of_what_was_asked(serve: Callable[..., Served]) -> None:
    served = serve(max_batch=4, drain_delay_seconds=1).ready()
    notes = [f"n{number}" for number in range(24)]
    with ThreadPoolExecutor(24) as clients:
        answers = [clients.submit(served.predict, 100, note) for note in notes]
        served.until(lambda: len(served.computed) >= 4)
        served.process.send_signal(signal.SIGTERM)
        served.until(lambda: served.status("/readyz") == 503)
        late = served.predict(0, "late")  # while routers do not know yet, what comes is answered
        codes = [answer.result().status_code for answer in answers]
    assert codes == [200] * 24
    assert (late.status_code, late.headers["connection"]) == (200, "close")
    assert served.process.wait(SECONDS) == 0
    assert sorted(served.computed) == sorted([*notes, "late"])


def test_when_it_leaves_it_is_unready_first_and_closed_later(serve: Callable[..., Served]) -> None:
    served = serve(drain_delay_seconds=1).ready()
    served.process.send_signal(signal.SIGTERM)
    served.until(lambda: served.status("/readyz") == 503)
    assert served.predict(0).status_code == 200
    assert served.process.wait(SECONDS) == 0


def test_a_model_that_hangs_beyond_the_grace_does_not_keep_it_from_ending(serve: Callable[..., Served]) -> None:
    served = serve(drain_delay_seconds=0, drain_seconds=0.5).ready()
    with served.connect() as connection:
        connection.sendall(raw(20_000, "hangs"))
        served.until(lambda: served.metric("slipway_in_flight") == 1)
        begun = time.monotonic()
        assert served.end() == 1  # something was lost, and it says so
        assert time.monotonic() - begun < 5
        assert received(connection).startswith(b"HTTP/1.1 503 ")


def test_the_items_of_a_client_that_went_are_not_computed(serve: Callable[..., Served]) -> None:
    served = serve(max_batch=1).ready()
    first = threading.Thread(target=served.predict, args=(500, "first"))
    first.start()
    served.until(lambda: served.metric("slipway_in_flight") == 1)
    with served.connect() as connection:
        connection.sendall(raw(0, "gone"))
        served.until(lambda: served.metric("slipway_queue_depth") == 1)
    with served.connect() as half_closed:
        half_closed.sendall(raw(0, "half"))
        served.until(lambda: served.metric("slipway_cancelled_total") == 1)
        half_closed.shutdown(socket.SHUT_WR)
        served.until(lambda: served.metric("slipway_cancelled_total") == 2)
        assert received(half_closed) == b""
    served.predict(0, "last")
    first.join()
    assert served.computed == ["first", "last"]


def test_a_body_beyond_the_limit_is_cut_off_announced_or_not(serve: Callable[..., Served]) -> None:
    served = serve(max_body_bytes=1000).ready()
    assert served.client.post("/predict", content=b" " * 1001).status_code == 413
    with served.connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n")
        connection.sendall(b"3e8\r\n" + b" " * 1000 + b"\r\n3e8\r\n" + b" " * 1000 + b"\r\n")  # and no end
        assert received(connection).startswith(b"HTTP/1.1 413 ")


def test_bodies_that_are_not_whole_yet_are_bounded_together(serve: Callable[..., Served]) -> None:
    served = serve(max_body_bytes=1 << 20, queue_bytes=2 << 20).ready()
    before = served.resident_bytes
    with ExitStack() as stack:
        unfinished = [stack.enter_context(served.connect()) for _ in range(40)]
        for connection in unfinished:
            connection.sendall(b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n" + b" " * 900_000)
        refusals = 'slipway_request_duration_seconds_count{route="/predict",status="429"}'
        served.until(lambda: served.metric(refusals) >= 38)
        assert served.resident_bytes - before < 10 << 20


def test_who_asks_on_and_never_reads_is_cut_off(serve: Callable[..., Served]) -> None:
    served = serve(receive_seconds=0.5).ready()
    before, connections = served.resident_bytes, served.connections
    with served.connect() as connection:
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            ask_on(connection, raw(0, "n" * 900_000))
        assert served.connections == connections
    assert served.resident_bytes - before < 20 << 20
    assert served.metric("slipway_in_flight") == 0


def test_who_reads_slowly_reads_it_all(serve: Callable[..., Served]) -> None:
    served = serve(receive_seconds=2, max_body_bytes=20 << 20, queue_bytes=20 << 20).ready()
    with served.connect() as connection:
        connection.sendall(raw(0, "n" * 12_000_000))
        parts = [b""]
        while not parts[-1].endswith(b"}"):
            time.sleep(0.4)  # the whole takes several times as long as one may read nothing
            parts.append(connection.recv(1 << 20))
            assert parts[-1]


def test_more_requests_behind_one_than_may_wait_end_their_connection(serve: Callable[..., Served]) -> None:
    served = serve().ready()
    before = served.resident_bytes
    with served.connect() as connection:
        connection.sendall(raw(100, "first") + b"GET / HTTP/1.1\r\n\r\n" * 10_000)
        with pytest.raises(ConnectionResetError):
            received(connection)
    assert served.resident_bytes - before < 5 << 20
    assert served.metric("slipway_in_flight") == 0


def test_who_still_sends_what_is_not_wanted_reads_why(serve: Callable[..., Served]) -> None:
    """With bytes unread a close is a reset, which takes the answer away from who has not read it yet."""
    served = serve(max_body_bytes=1000).ready()
    for _ in range(5):
        with served.connect() as connection:
            connection.sendall(b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 8000000\r\n\r\n")
            for _ in range(80):
                connection.sendall(b" " * 100_000)
            assert received(connection).startswith(b"HTTP/1.1 413 ")


def test_a_request_behind_another_is_answered_after_it(serve: Callable[..., Served]) -> None:
    served = serve().ready()
    with served.connect() as connection:
        connection.sendall(raw(50, "first") + raw(0, "second") + raw(0, "third"))
        answers = b""
        while answers.count(b"HTTP/1.1 200 ") < 3 or not answers.endswith(b"}"):
            answers += connection.recv(65536)
        places = [answers.index(name) for name in (b"first", b"second", b"third")]
        assert places == sorted(places)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /predict HTTP/1.1\r\nhost: he",
        b"POST /predict HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\n{",
        b"GET /livez HTTP/1.1\r\nhost: here\r\n\r\nGET /livez HTTP/1.1\r\nhost",
    ],
    ids=["nothing", "headers", "body", "second request"],
)
def test_who_is_too_slow_is_cut_off(serve: Callable[..., Served], sent: bytes) -> None:
    served = serve(receive_seconds=0.4).ready()
    with served.connect() as connection:
        connection.sendall(sent)
        answer = received(connection)
    assert b"HTTP/1.1 408 " in answer
    assert served.predict(0).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /predict HTTP/1.1\r\nhost: he",
        b"POST /predict HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\n{",
        b"POST /predict HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
        raw(5000, ""),
    ],
    ids=["nothing", "headers", "body", "chunk", "whole"],
)
def test_who_stops_sending_is_taken_to_have_gone(serve: Callable[..., Served], sent: bytes) -> None:
    served = serve(receive_seconds=SECONDS).ready()
    connections = served.connections
    begun = time.monotonic()
    with served.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert received(connection) == b""
        assert served.connections == connections  # while this side still holds its half
    assert time.monotonic() - begun < 3
    assert served.metric("slipway_in_flight") == 0


def test_those_who_connect_and_send_nothing_are_cut_off_however_many_they_are(serve: Callable[..., Served]) -> None:
    served = serve(receive_seconds=1).ready()
    connections = served.connections
    with ExitStack() as stack:
        idle = [stack.enter_context(served.connect()) for _ in range(200)]
        served.until(lambda: served.connections == connections + 200)
        assert served.predict(0).status_code == 200
        assert {received(connection).split(b"\r\n")[0] for connection in idle} == {b"HTTP/1.1 408 Request Timeout"}
        assert served.connections == connections


def test_bytes_that_are_of_no_request_do_not_hold_a_connection(serve: Callable[..., Served]) -> None:
    served = serve(receive_seconds=0.4).ready()
    with served.connect() as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: here\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"\r\n")
        assert received(connection) == b""


def test_a_trickle_of_bytes_does_not_gain_time(serve: Callable[..., Served]) -> None:
    served = serve(receive_seconds=0.5).ready()
    begun = time.monotonic()
    with served.connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r"reset|[Bb]roken"):
            trickle(connection, until=begun + 5)
    assert time.monotonic() - begun < 4


def test_a_client_that_asks_first_is_told_to_go_on(serve: Callable[..., Served]) -> None:
    served = serve().ready()
    with served.connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b'{"ms": 0}')
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_headers_beyond_the_limit_are_cut_off(serve: Callable[..., Served]) -> None:
    served = serve(max_header_bytes=1000).ready()
    with served.connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nx: " + b"y" * 500)
        time.sleep(0.1)
        connection.sendall(b"y" * 600)
        assert received(connection).startswith(b"HTTP/1.1 431 ")
    whole = served.client.post("/predict", json={"ms": 0}, headers={"x": "y" * 2000})
    assert whole.status_code == 431


def test_what_cannot_be_started_is_told_in_full_with_status_2(serve: Callable[..., Served]) -> None:
    served = serve("Nothing", objective_ms="soon", max_batch=0)
    assert served.process.wait(SECONDS) == 2
    assert served.said.splitlines() == [
        "error: SLIPWAY_OBJECTIVE_MS is 'soon', and must be a number of milliseconds from 1 to 3.6e+06",
        "error: SLIPWAY_MAX_BATCH is '0', and must be a whole number of units from 1 to 65536",
        "error: serving_models has no Nothing",
    ]


def test_a_model_that_cannot_be_loaded_ends_it_with_status_1_and_the_cause(serve: Callable[..., Served]) -> None:
    served = serve("Broken")
    assert served.process.wait(SECONDS) == 1
    assert "FileNotFoundError: model.onnx" in served.said
