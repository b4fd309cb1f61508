"""Answers of low confidence reach people through a real endpoint of SQS, or the log: each of them, whatever happens."""

import asyncio
import json
import logging
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slipway_kit.around.metrics import AroundMetrics, Loss, Source
from slipway_kit.around.review import Mark, Review
from slipway_kit.around.sending import Sender
from slipway_kit.around.settings import AroundSettings, Step
from slipway_kit.around.spool import Message, Spool

from tests.bentos.kit.around.builders import Bench, Length, Lengths, Text, lost, run
from tests.bentos.kit.asked import until
from tests.slipway.embedded.aws.serving import Endpoint

UNSURE = "x" * 60
"""Its length makes a confidence of 0.4."""


class Queue:
    """A queue at an endpoint that may be killed and started again."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        told = endpoint.client("sqs").create_queue(
            QueueName=f"review-{secrets.token_hex(4)}", Attributes={"VisibilityTimeout": "3600"}
        )
        self.url = str(told["QueueUrl"])

    def bodies(self) -> list[dict[str, Any]]:
        """All that is in it; each is seen once."""
        client = self.endpoint.client("sqs")
        found: list[dict[str, Any]] = []
        while told := client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in told]
        return found


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    endpoint = Endpoint(tmp_path_factory.mktemp("aws") / "memory")
    endpoint.start()
    yield endpoint
    endpoint.stop()


@pytest.fixture
def queue(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    return Queue(endpoint)


def reviewed(queue: Queue, **more: Any) -> Bench:
    return Bench(AroundSettings(review_below=0.5, review_queue_url=queue.url, **more), model=Lengths())


def test_an_unsure_answer_is_marked_and_its_item_is_in_the_queue_whole(queue: Queue) -> None:
    async def scenario() -> None:
        it = reviewed(queue)
        assert (await it.ask("abc")).review is None
        answered = await it.ask(UNSURE + "ü\uffff", id="req-1")
        assert (answered.review, answered.source) == (Mark.QUEUED, Source.MODEL)
        assert await it.around.close(10) == 0
        series = it.series()
        assert (series["slipway_review_queued_total"], series["slipway_review_sent_total"]) == (1, 1)

    run(scenario())
    [body] = queue.bodies()
    at = body.pop("at")
    assert at.startswith("20")
    assert at.endswith("+00:00")
    assert body == {
        "request_id": "req-1",
        "model": "Lengths",
        "version": "7",
        "item": {"text": UNSURE + "ü\uffff", "notes": {}},
        "output": {"length": 62, "by": "model"},
        "confidence": 0.38,
    }


def test_an_unsure_answer_from_the_cache_is_marked_and_its_item_is_not_sent_again(queue: Queue) -> None:
    async def scenario() -> None:
        it = reviewed(queue, cache_bytes=10_000)
        for source in (Source.MODEL, Source.CACHE, Source.CACHE):
            answered = await it.ask(UNSURE)
            assert (answered.source, answered.review) == (source, Mark.QUEUED)
        await it.around.close(10)

    run(scenario())
    assert len(queue.bodies()) == 1


def test_an_unsure_answer_that_was_kept_while_the_spool_was_full_is_sent_when_it_is_asked_for_again(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        queue.endpoint.stop(signal.SIGKILL)
        it = reviewed(queue, cache_bytes=10_000, review_spool_items=1)
        assert (await it.ask(UNSURE + "1")).review is Mark.QUEUED
        assert (await it.ask(UNSURE + "2")).review is Mark.DROPPED
        assert (await it.ask(UNSURE + "2")).review is Mark.DROPPED
        await asyncio.to_thread(queue.endpoint.start)
        await until(lambda: it.metrics.sent == 1)
        answered = await it.ask(UNSURE + "2")
        assert (answered.source, answered.review) == (Source.CACHE, Mark.QUEUED)
        await it.around.close(10)

    run(scenario(), 180)
    assert {body["item"]["text"][-1] for body in queue.bodies()} == {"1", "2"}
    assert [body["item"]["text"][-1] for body in lost(caplog)] == ["2", "2"]


def test_a_smaller_model_that_is_unsure_is_reviewed_and_a_default_is_not(queue: Queue) -> None:
    class Unsure(Lengths):
        def confidence(self, output: Length) -> float:  # noqa: ARG002
            return float("nan")

    async def scenario() -> None:
        for step, mark in ((Step.SMALLER, Mark.QUEUED), (Step.DEFAULT, None)):
            settings = AroundSettings(review_below=0.5, review_queue_url=queue.url, fallback=(step,))
            it = Bench(settings, model=Unsure())
            it.error = ValueError("broken")
            assert (await it.ask("abc")).review is mark
            await it.around.close(10)

    run(scenario())
    [body] = queue.bodies()
    assert body["output"] == {"length": 3, "by": "smaller"}
    assert body["confidence"] is None


def test_a_confidence_that_raises_costs_no_answer_and_its_item_is_in_the_log(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    class Raising(Lengths):
        def confidence(self, output: Length) -> float:
            return 1 / (output.length - 3)

    async def scenario() -> None:
        it = Bench(AroundSettings(review_below=0.5, review_queue_url=queue.url), model=Raising())
        answered = await it.ask("abc")
        assert (answered.output, answered.review) == (Length(3), Mark.DROPPED)
        await it.around.close(10)
        assert it.series()['slipway_review_lost_total{reason="confidence_failed"}'] == 1

    run(scenario())
    [body] = lost(caplog)
    assert (body["item"]["text"], body["error"]) == ("abc", "ZeroDivisionError('division by zero')")


def test_killed_in_the_midst_each_item_reaches_the_queue_once_it_is_back(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        it = reviewed(queue)
        for number in range(120):
            if number == 50:
                await until(lambda: it.metrics.sent >= 10)
                queue.endpoint.stop(signal.SIGKILL)
            begun = time.monotonic()
            answered = await it.ask(UNSURE, id=f"{number}")
            assert answered.review is Mark.QUEUED
            assert time.monotonic() - begun < 1, "no answer waits for the queue"
        await until(lambda: it.metrics.retried > 0)
        await asyncio.to_thread(queue.endpoint.start)
        assert await it.around.close(60) == 0
        series = it.series()
        assert series["slipway_review_sent_total"] == series["slipway_review_queued_total"] == 120

    with caplog.at_level(logging.INFO):
        run(scenario(), 180)
    assert {int(body["request_id"]) for body in queue.bodies()} == set(range(120))
    assert lost(caplog) == []
    told = [record.message for record in caplog.records if record.name == "slipway_kit"]
    assert told == ["the review queue does not take items; they wait in memory", "the review queue takes items again"]


def test_what_the_queue_has_not_got_by_the_end_is_in_the_log_and_counted(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        it = reviewed(queue, review_spool_items=50)
        for number in range(200):
            if number == 20:
                await until(lambda: it.metrics.sent == 20)
                queue.endpoint.stop(signal.SIGKILL)
            answered = await it.ask(UNSURE, id=f"{number}")
            assert answered.review is (Mark.QUEUED if number < 70 else Mark.DROPPED)
        begun = time.monotonic()
        assert await it.around.close(0.3) == 50
        assert time.monotonic() - begun < 5
        series = it.series()
        counts = [
            series["slipway_review_queued_total"],
            series["slipway_review_sent_total"],
            series['slipway_review_lost_total{reason="spool_full"}'],
            series['slipway_review_lost_total{reason="shutdown"}'],
            series["slipway_review_spooled"],
        ]
        assert counts == [70, 20, 130, 50, 0]
        await asyncio.to_thread(queue.endpoint.start)

    run(scenario(), 180)
    sent = {int(body["request_id"]) for body in queue.bodies()}
    logged = [int(body["request_id"]) for body in lost(caplog)]
    assert sent == set(range(20))
    assert sorted(logged) == list(range(20, 200))


class Partly:
    """An endpoint's answers to batches: some messages it takes, some it does not."""

    def __init__(self, faults: dict[str, list[bool]]) -> None:
        self.faults = faults
        """For a body, whether each attempt fails by the sender's fault; it is taken after that."""
        self.taken: list[str] = []
        self.sizes: list[int] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "http://q"
        self.sizes.append(len(Entries))
        told: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in Entries:
            left = self.faults.get(json.loads(entry["MessageBody"]), [])
            if left:
                told["Failed"].append(
                    {"Id": entry["Id"], "SenderFault": left.pop(0), "Code": "X", "Message": "not now"}
                )
            else:
                told["Successful"].append({"Id": entry["Id"]})
                self.taken.append(json.loads(entry["MessageBody"]))
        return told


def partly(
    monkeypatch: pytest.MonkeyPatch, faults: dict[str, list[bool]]
) -> tuple[Partly, Spool, AroundMetrics, Callable[[], Sender]]:
    client, metrics = Partly(faults), AroundMetrics()
    monkeypatch.setattr("slipway_kit.around.sending._client", lambda: client)
    monkeypatch.setattr("slipway_kit.around.sending._FIRST_SECONDS", 0.001)
    spool = Spool(1000, metrics)
    return client, spool, metrics, lambda: Sender(spool, "http://q")


def test_of_a_batch_that_was_taken_in_part_the_rest_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    client, spool, metrics, start = partly(monkeypatch, {"3": [False] * 5, "7": [True, True]})
    for number in range(25):
        assert spool.offer(Message(json.dumps(str(number))))
    assert start().close(20) == 0
    assert sorted(map(int, client.taken)) == list(range(25))
    assert max(client.sizes) == 10
    assert (metrics.sent, metrics.retried, metrics.spooled) == (25, 7, 0)


def test_a_message_that_the_queue_calls_wrong_each_time_is_in_the_log_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client, spool, metrics, start = partly(monkeypatch, {"3": [True] * 99})
    for number in range(25):
        spool.offer(Message(json.dumps(str(number))))
    assert start().close(20) == 0
    assert sorted(map(int, client.taken)) == [number for number in range(25) if number != 3]
    assert (metrics.sent, metrics.lost[Loss.REJECTED], metrics.spooled) == (24, 1, 0)
    assert lost(caplog) == ["3"]  # type: ignore[comparison-overlap]


def test_characters_that_sqs_refuses_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    _, spool, metrics, start = partly(monkeypatch, {})
    review = Review(
        model=Lengths(), name="Lengths", version="7", below=1.0, spool=spool, sender=start(), metrics=metrics
    )
    bodies: list[str] = []
    monkeypatch.setattr(spool, "offer", lambda message: bodies.append(message.body))
    review.mark(Text("a\x01\uffffü"), Length(4), "r")
    assert bodies[0].isascii()
    assert json.loads(bodies[0])["item"]["text"] == "a\x01\uffffü"
    review.close(20)


def test_a_batch_has_at_most_256_kib_and_what_is_larger_alone_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client, spool, metrics, start = partly(monkeypatch, {})
    for size in (100_000, 100_000, 100_000, 262_142, 262_143):
        spool.offer(Message(json.dumps("x" * size)))
    assert start().close(20) == 0
    assert client.sizes == [2, 1, 1]
    assert metrics.lost[Loss.TOO_LARGE] == 1
    assert [len(body) for body in lost(caplog)] == [262_143]


def test_the_spool_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    _, spool, metrics, _ = partly(monkeypatch, {})
    taken = [spool.offer(Message(json.dumps("x" * 200_000))) for _ in range(100)]
    assert taken.count(True) == (16 << 20) // 200_002
    assert metrics.lost[Loss.SPOOL_FULL] == taken.count(False) == len(lost(caplog))


def test_what_comes_after_the_end_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, spool, metrics, start = partly(monkeypatch, {})
    start().close(20)
    assert not spool.offer(Message('"late"'))
    assert metrics.lost[Loss.SHUTDOWN] == 1
    assert lost(caplog) == ["late"]  # type: ignore[comparison-overlap]
