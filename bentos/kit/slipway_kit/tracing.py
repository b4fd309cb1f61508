"""OpenTelemetry spans: one for each sampled request, one for each batch that has such a request, linked to them.

Whether a request is traced is decided before OpenTelemetry is asked anything: a request that is not costs nothing.
"""

from __future__ import annotations

import importlib
import os
import random
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from slipway_kit.requests import Request

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_T = TypeVar("_T")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-([0-9a-f]{2})\Z")


class Tracing:
    """Makes spans."""

    def __init__(self, share: float, provider: Any) -> None:
        from opentelemetry import context, trace  # an extra
        from opentelemetry.trace.propagation import tracecontext

        self._trace = trace
        self._root = context.Context()
        self._share = share
        self._provider = provider
        self._tracer = trace.get_tracer("slipway_kit", tracer_provider=provider)
        self._propagator = tracecontext.TraceContextTextMapPropagator()

    def begin(self, request: Request, route: str) -> None:
        """Give the request a span, if it is to be traced."""
        parent = request.header("traceparent")
        match = _TRACEPARENT.match(parent) if parent else None
        if match:
            if not int(match[1], 16) & 1:
                return
        elif random.random() >= self._share:  # noqa: S311  # a sample is no secret
            return
        carrier = {"traceparent": parent or "", "tracestate": request.header("tracestate") or ""}
        request.span = self._tracer.start_span(
            f"POST {route}",
            context=self._propagator.extract(carrier),
            kind=self._trace.SpanKind.SERVER,
            attributes={
                "http.route": route,
                "slipway.request_id": request.id,
                "slipway.priority": request.priority.name,
            },
        )

    def end(self, request: Request, status: int) -> None:
        """End its span."""
        if request.span is not None:
            request.span.set_attribute("http.response.status_code", status)
            if status >= 500:
                request.span.set_status(self._trace.StatusCode.ERROR)
            request.span.end()

    def batch(self, members: Sequence[Request], units: int) -> Any:
        """A span of a batch, linked to those of its requests and child of none; none where none of them is traced."""
        spans = [member.span for member in members if member.span is not None]
        if not spans:
            return None
        return self._tracer.start_span(
            "predict_batch",
            context=self._root,
            links=[self._trace.Link(span.get_span_context()) for span in spans],
            attributes={"slipway.batch.items": len(members), "slipway.batch.units": units},
        )

    def inside(self, span: Any, function: Callable[[], _T]) -> _T:
        """Call the function with the span as the current one, so that the model's own spans are below it."""
        with self._trace.use_span(span, record_exception=False, set_status_on_exception=False):
            return function()

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()

    def batch_ended(self, span: Any, error: BaseException | None) -> None:
        """End a batch's span."""
        if span is not None:
            if error is not None:
                span.record_exception(error)
                span.set_status(self._trace.StatusCode.ERROR)
            span.end()


def tracing(share: float, name: str, provider: Any = None) -> Tracing | None:
    """Tracing, where there is anybody to send spans to: a provider, or the endpoint of OpenTelemetry's own variables.

    Args:
        share: Of the requests without a `traceparent`, how many are traced.
        name: Of the service, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES have one.
        provider: Of tracers.

    Raises:
        ImportError: There is an endpoint, and what sends to it is not installed.
    """
    if provider is None and not any(os.environ.get(variable) for variable in _ENDPOINTS):
        return None
    return Tracing(share, provider or _sending(name))


def _sending(name: str) -> Any:
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = importlib.import_module(f"opentelemetry.exporter.otlp.proto.{_protocol()}.trace_exporter")
    provider = TracerProvider(resource=Resource({"service.name": name}).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(exporter.OTLPSpanExporter()))
    return provider


def _protocol() -> str:
    return "grpc" if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "grpc" else "http"
