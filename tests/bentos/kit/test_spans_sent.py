"""Spans on their way to a collector, as OpenTelemetry's own variables say."""

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.bentos.kit.served import KIT, MODELS, SECONDS, status
from tests.ports import free_port

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Collector:
    """Takes spans by OTLP over HTTP, and keeps them."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    name = {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"]
                    for scope in resource.scope_spans:
                        collector.spans += [(name, self.path, span) for span in scope.spans]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def test_a_traced_request_and_its_batch_reach_the_collector_and_no_other(collector: Collector, tmp_path: Path) -> None:
    (tmp_path / MODELS.name).write_text(MODELS.read_text())
    port = free_port()
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(KIT), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address}
    environment |= {"SLIPWAY_HOST": "127.0.0.1", "SLIPWAY_PORT": str(port), "SLIPWAY_TRACE_SAMPLE": "0"}
    serve = [sys.executable, "-m", "slipway_kit", "serving_models:Waiting"]
    with (tmp_path / "log").open("w") as log:
        serving = subprocess.Popen(serve, cwd=tmp_path, env=environment, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SECONDS) as client:
            ends = time.monotonic() + SECONDS
            while status(client) != 200:
                assert time.monotonic() < ends, (tmp_path / "log").read_text()
                time.sleep(0.05)
            client.post("/predict", json={"ms": 0})
            traced = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "mine"}
            assert client.post("/predict", json={"ms": 0}, headers=traced).status_code == 200
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(SECONDS) == 0
    assert {(name, path) for name, path, _ in collector.spans} == {("Waiting", "/v1/traces")}
    by_name = {span.name: span for _, _, span in collector.spans}
    assert set(by_name) == {"POST /predict", "predict_batch"}
    request, batch = by_name["POST /predict"], by_name["predict_batch"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert [link.span_id for link in batch.links] == [request.span_id]
    said = {each.key: each.value for each in request.attributes}
    assert said["slipway.request_id"].string_value == "mine"
    assert said["http.response.status_code"].int_value == 200
