"""What a client sees: answers, faults, health, metrics, the description."""

import asyncio
import json
import logging
import math
import time
from typing import Any

import pytest
from openapi_spec_validator import validate
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from slipway_kit.application import Application
from slipway_kit.application import application as make
from slipway_kit.around.settings import AroundSettings, Step
from slipway_kit.logs import JsonFormatter
from slipway_kit.model import ItemError
from slipway_kit.planning.reading import Reading
from slipway_kit.requests import current_request, each
from slipway_kit.settings import Settings
from slipway_kit.tracing import tracing

from tests.bentos.kit.asked import ask, serving, started
from tests.bentos.kit.builders import Doubled, Doubling, Number

logger = logging.getLogger("of-an-author")


class Picky(Doubling):
    def predict_batch(self, items: list[Number]) -> list[Doubled | ItemError]:  # type: ignore[override]
        if any(item.value == 13 for item in items):
            raise ArithmeticError("thirteen")
        return [
            ItemError("negative", status=409, reason="negative") if item.value < 0 else Doubled(item.value)
            for item in items
        ]


class Forgetful(Doubling):
    def predict_batch(self, items: list[Number]) -> list[Doubled]:
        return super().predict_batch(items if items[0].value == 1 else items[:1])


class Speaking(Doubling):
    def predict_batch(self, items: list[Number]) -> list[Doubled]:
        for item in each(items):
            logger.warning("looked at %s", item.value)
        return super().predict_batch(items)


class Heavy(Doubling):
    """Takes long to read, and longer to compute."""

    def load(self) -> None:
        time.sleep(0.05)

    def predict_batch(self, items: list[Number]) -> list[Doubled]:
        time.sleep(0.01)
        return super().predict_batch(items)


def test_one_item_and_several() -> None:
    async def scenario(application: Application) -> None:
        one = await ask(application, "/predict", b'{"value": 4}', x_request_id="mine")
        assert (one.status, one.json, one.headers["x-request-id"]) == (200, {"value": 8.0}, "mine")
        two = await ask(application, "/predict/batch", b'[{"value": 4}, {"value": 5}]')
        assert two.json == {"results": [{"output": {"value": 8.0}}, {"output": {"value": 10.0}}]}

    serving(Doubling, scenario)


DEEP = b'{"value":' + b'{"x":' * 100_000


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"{", {}, 400, "not_json"),
        (b"", {}, 400, "not_json"),
        (b"\xff\xfe", {}, 400, "not_json"),
        (b'{"value": NaN}', {}, 400, "not_json"),
        (b'{"value": "four"}', {}, 422, "invalid"),
        (b'{"value": 1e999}', {}, 422, "invalid"),
        (b"[]", {}, 422, "invalid"),
        (DEEP, {}, 422, "invalid"),
        (b'{"unknown":' + b"[" * 100_000, {}, 400, "not_json"),
        (b'{"value": 1}', {"content_type": "text/plain"}, 415, "media_type"),
        (b'{"value": 1}', {"content_type": "application/jsonl"}, 415, "media_type"),
        (b'{"value": 1}', {"x_slipway_priority": "urgent"}, 400, "bad_header"),
        (b'{"value": 1}', {"x_slipway_deadline_ms": "-1"}, 400, "bad_header"),
        (b'{"value": 1}', {"x_slipway_deadline_ms": "nan"}, 400, "bad_header"),
        (b'{"value": 1}', {"content_length": "9999999999"}, 413, "body_too_large"),
        (b" " * 200_000 + b'{"value": 1}', {}, 413, "body_too_large"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_a_client_does_wrong_is_its_fault_and_named(
    body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    async def scenario(application: Application) -> None:
        said = await ask(application, "/predict", body, **headers)
        assert (said.status, said.reason) == (status, reason)

    serving(Doubling, scenario, max_body_bytes=len(DEEP) if body is DEEP else 150_000)


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/json ;q=1"])
def test_json_is_json_by_whatever_parameters(kind: str) -> None:
    async def scenario(application: Application) -> None:
        assert (await ask(application, "/predict", b'{"value": 1}', content_type=kind)).status == 200

    serving(Doubling, scenario)


def test_an_empty_list_and_one_beyond_a_batch_are_refused() -> None:
    async def scenario(application: Application) -> None:
        assert (await ask(application, "/predict/batch", b"[]")).status == 422
        many = json.dumps([{"value": 1}] * 9).encode()
        assert (await ask(application, "/predict/batch", many)).status == 413

    serving(Doubling, scenario, max_batch=8)


def test_an_item_error_fails_its_item_only() -> None:
    async def scenario(application: Application) -> None:
        one = await ask(application, "/predict", b'{"value": -1}')
        assert (one.status, one.reason) == (409, "negative")
        two = await ask(application, "/predict/batch", b'[{"value": -1}, {"value": 5}]')
        assert two.json["results"] == [
            {"error": {"reason": "negative", "message": "negative"}},
            {"output": {"value": 5.0}},
        ]

    serving(Picky, scenario)


def test_a_model_that_raises_is_a_500_that_tells_nothing_of_its_inside_and_the_log_does(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(application: Application) -> None:
        said = await ask(application, "/predict", b'{"value": 13}')
        assert (said.status, said.reason) == (500, "model_failed")
        assert "thirteen" not in said.body.decode()
        assert (await ask(application, "/predict", b'{"value": 14}')).status == 200

    serving(Picky, scenario)
    assert "thirteen" in caplog.text


def test_a_size_that_raises_is_a_500_too_and_leaves_nothing_in_flight(caplog: pytest.LogCaptureFixture) -> None:
    class Sized(Doubling):
        def size(self, item: Number) -> int:
            return 1 // int(item.value) or 1

    async def scenario(application: Application) -> None:
        said = await ask(application, "/predict", b'{"value": 0}')
        assert (said.status, said.reason) == (500, "model_failed")
        assert samples((await ask(application, "/metrics")).body.decode())["slipway_in_flight"] == 0

    serving(Sized, scenario)
    assert "ZeroDivisionError" in caplog.text


def test_a_wrong_number_of_outputs_is_named() -> None:
    async def scenario(application: Application) -> None:
        said = await ask(application, "/predict/batch", b'[{"value": 2}, {"value": 3}]')
        assert (said.status, said.reason) == (500, "model_contract")
        assert "gave 1 outputs for 2 items" in said.json["error"]["message"]

    serving(Forgetful, scenario)


def test_a_deadline_that_cannot_be_met_is_refused_with_reason_and_time() -> None:
    class Slow(Doubling):
        def predict_batch(self, items: list[Number]) -> list[Doubled]:
            time.sleep(0.02)
            return super().predict_batch(items)

    async def scenario(application: Application) -> None:
        said = await ask(application, "/predict", b'{"value": 1}', x_slipway_deadline_ms="1")
        assert (said.status, said.reason, said.headers["retry-after"]) == (429, "deadline_unreachable", "1")
        assert said.json["error"]["retry_after_ms"] >= 20

    serving(Slow, scenario, max_batch=2)


def test_paths_and_methods() -> None:
    async def scenario(application: Application) -> None:
        assert (await ask(application, "/nothing")).status == 404
        wrong = await ask(application, "/predict")
        assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
        assert (await ask(application, "/livez", method="HEAD")).status == 200

    serving(Doubling, scenario)


def test_it_is_ready_once_the_model_is_loaded_and_no_more_when_it_leaves() -> None:
    class Loading(Doubling):
        def load(self) -> None:
            time.sleep(0.1)

    async def scenario() -> None:
        application = make(Loading, Settings())
        ready = asyncio.Event()
        application.on_ready = ready.set
        application.start()
        await asyncio.sleep(0.01)
        assert (await ask(application, "/readyz")).status == 503
        early = await ask(application, "/predict", b'{"value": 1}')
        assert (early.status, early.reason) == (503, "starting")
        assert (await ask(application, "/livez")).status == 200
        await ready.wait()
        assert (await ask(application, "/readyz")).status == 200
        application.leave()
        leaving = await ask(application, "/readyz")
        assert (leaving.status, leaving.reason) == (503, "draining")
        late = await ask(application, "/predict", b'{"value": 1}')
        assert (late.status, late.headers["connection"]) == (200, "close")
        await application.close()

    asyncio.run(scenario())


def test_a_model_that_cannot_be_loaded_is_not_live() -> None:
    class Broken(Doubling):
        def load(self) -> None:
            raise FileNotFoundError("model.onnx")

    async def scenario() -> None:
        application = make(Broken, Settings())
        await started(application)
        assert isinstance(application.failure, FileNotFoundError)
        assert (await ask(application, "/livez")).status == 500
        await application.close()

    asyncio.run(scenario())


def test_the_description_is_valid_and_has_the_models_types() -> None:
    async def scenario(application: Application) -> None:
        document = (await ask(application, "/openapi.json")).json
        validate(document)
        assert document["info"] == {"title": "Doubling", "version": "7", "description": "Doubles numbers."}
        assert document["components"]["schemas"]["Number"]["required"] == ["value"]
        assert "429" in document["paths"]["/predict"]["post"]["responses"]

    serving(Doubling, scenario)


def samples(text: str) -> dict[str, float]:
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if not line.startswith("#")
    }


def test_what_a_start_took_is_told_by_its_steps() -> None:
    async def scenario(application: Application) -> None:
        told = samples((await ask(application, "/metrics")).body.decode())
        # At least four batches of each size.
        assert told['slipway_start_seconds{step="profile"}'] > 0.04
        assert told['slipway_start_seconds{step="load"}'] >= 0.05

    serving(Heavy, scenario)


def test_metrics_have_every_label_from_the_start_and_count() -> None:
    async def scenario(application: Application) -> None:
        before = samples((await ask(application, "/metrics")).body.decode())
        await ask(application, "/predict/batch", b'[{"value": 1}, {"value": 2}]')
        await ask(application, "/predict", b"{")
        after = samples((await ask(application, "/metrics")).body.decode())
        assert before.keys() == after.keys()
        changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
        assert changed['slipway_request_duration_seconds_count{route="/predict",status="4xx"}'] == 1
        assert changed['slipway_request_duration_seconds_count{route="/predict/batch",status="2xx"}'] == 1
        assert (changed["slipway_batch_size_items_count"], changed["slipway_batch_size_items_sum"]) == (1, 2)
        assert changed["slipway_queue_wait_seconds_count"] == 2
        assert changed["slipway_queue_wait_seconds_sum"] > 0
        assert 'slipway_refusals_total{reason="queue_full"}' in before
        assert 'slipway_request_duration_seconds_bucket{le="0.12",route="/predict",status="2xx"}' in before

    serving(Doubling, scenario, objective_ms=120)


def test_logs_of_an_item_carry_the_id_of_its_request(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[Any] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(JsonFormatter().format(record)))

    handler = Keep()
    logger.addHandler(handler)

    async def scenario(application: Application) -> None:
        lines.clear()
        await asyncio.gather(
            *(ask(application, "/predict", b'{"value": %d}' % n, x_request_id=f"r{n}") for n in range(4))
        )
        assert current_request() is None

    with caplog.at_level(logging.WARNING):
        serving(Speaking, scenario)
    logger.removeHandler(handler)
    assert sorted((line["message"], line["request_id"]) for line in lines) == [
        (f"looked at {n}.0", f"r{n}") for n in range(4)
    ]


def test_the_span_of_a_batch_is_linked_to_those_of_its_requests_and_unsampled_ones_have_none() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace = "0af7651916cd43dd8448eb211c80319c"

    async def scenario(application: Application) -> None:
        await asyncio.gather(
            ask(application, "/predict", b'{"value": 1}', traceparent=f"00-{trace}-b7ad6b7169203331-01"),
            ask(application, "/predict", b'{"value": 2}', traceparent=f"00-{trace}-b7ad6b7169203332-00"),
            ask(application, "/predict", b'{"value": 3}'),
        )

    serving(Doubling, scenario, provider=provider, trace_sample=0.0)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert sorted(spans) == ["POST /predict", "predict_batch"]
    request, batch = spans["POST /predict"], spans["predict_batch"]
    assert request.context is not None
    assert format(request.context.trace_id, "032x") == trace
    assert [link.context.span_id for link in batch.links] == [request.context.span_id]
    assert (batch.parent, batch.attributes and batch.attributes["slipway.batch.items"]) == (None, 3)


def test_without_an_endpoint_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert tracing(1.0, "doubling") is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    traces = tracing(1.0, "doubling")
    assert traces is not None
    assert traces._provider.resource.attributes["service.name"] == "doubling"
    traces.close()


def test_the_objective_is_a_bucket_so_that_the_share_within_it_can_be_read() -> None:
    assert math.isclose(Settings(objective_ms=120).objective, 0.12)


def test_what_a_busy_loop_reads_may_have_come_since_it_read_before() -> None:
    """Else a server that is all reading would refuse nothing, and answer everything late."""

    async def scenario(application: Application) -> None:
        predictions = application.direct(b"/predict")
        assert predictions is not None
        await asyncio.sleep(0.02)
        first, began = predictions.arrived(), time.monotonic()
        assert began - first < 0.01  # nothing had been read for a while
        time.sleep(0.05)  # noqa: ASYNC251  # a long turn
        assert predictions.arrived() == first
        await asyncio.sleep(0)
        assert predictions.arrived() == first  # read at once after that one, and it may have come when that one began
        await asyncio.sleep(0.02)
        assert predictions.arrived() > began + 0.05

    serving(Doubling, scenario)


def test_a_turn_is_judged_by_what_the_loop_computed_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a neighbour took of the core is no load: refusing does not give it back."""
    seen: list[tuple[float, float]] = []
    monkeypatch.setattr(Reading, "turned", lambda _, seconds, worked, **__: seen.append((seconds, worked)))

    async def scenario(application: Application) -> None:
        predictions = application.direct(b"/predict")
        assert predictions is not None
        predictions.arrived()
        time.sleep(0.1)  # noqa: ASYNC251  # as if the core were another's
        await asyncio.sleep(0)
        predictions.arrived()
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
        await asyncio.sleep(0)
        predictions.arrived()

    serving(Doubling, scenario)
    (lost, little), (_, much) = seen[-2:]
    assert lost >= 0.1
    assert little < 0.05
    assert much >= 0.1


class Unwritable(Doubling):
    def predict_batch(self, items: list[Number]) -> list[Doubled]:
        return [Doubled(object()) if item.value == 13 else Doubled(item.value) for item in items]  # type: ignore[arg-type]


@pytest.mark.parametrize("around", [AroundSettings(), AroundSettings(fallback=(Step.CACHED,), cache_bytes=1 << 20)])
def test_an_output_that_is_no_json_is_the_models_fault_and_leaves_nothing_in_flight(around: AroundSettings) -> None:
    async def scenario(application: Application) -> None:
        for path, body in (("/predict", b'{"value": 13}'), ("/predict/batch", b'[{"value": 1}, {"value": 13}]')):
            said = await ask(application, path, body)
            assert (said.status, said.reason) == (500, "model_contract")
            assert "cannot be written as JSON" in said.json["error"]["message"]
        metrics = await ask(application, "/metrics")
        assert samples(metrics.body.decode())["slipway_in_flight"] == 0

    serving(Unwritable, scenario, around=around)
