"""What an operator may set of the server, the batcher and what is told of them."""

from __future__ import annotations

from dataclasses import dataclass

from slipway_kit.variables import Variables, integer, number, one_of, variable, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Variables):
    """One process that serves one model."""

    host: str = variable("0.0.0.0", words("an address to listen at"))  # noqa: S104  # a container's command
    port: int = variable(3000, integer(0, 65535, "the port, 0 for any free one,"))
    objective_ms: float = variable(100.0, number(1, 3_600_000, "of milliseconds"))
    """Within which a request is to be answered, counted from its arrival."""
    margin: float = variable(0.05, number(0, 0.5, "(a share of the objective)"))
    """Of the objective, kept for what is not planned: writing the answer, and an event loop that is late."""
    quantile: float = variable(0.95, number(0.5, 0.999, "(a quantile)"))
    """Of the model's times, that batches are planned with."""
    max_batch: int = variable(64, integer(1, 65536, "units"))
    """Most units in a batch; an item is one unit, unless the model has `size`."""
    concurrency: int = variable(1, integer(1, 64, "batches"))
    """Batches that the model computes at the same time."""
    execution: str = variable("auto", one_of("auto", "thread", "inline"))
    """Where the model computes: in threads, or in the event loop; `auto` takes the loop for what takes under 2 ms,
    and threads once three in a row were ten times as slow."""
    queue_items: int = variable(1024, integer(1, 1_000_000, "items"))
    queue_bytes: int = variable(64 << 20, integer(1, 1 << 40, "bytes"))
    """Of request bodies whose items wait, or are still being received."""
    max_body_bytes: int = variable(1 << 20, integer(1, 1 << 34, "bytes"))
    max_header_bytes: int = variable(32 << 10, integer(256, 1 << 20, "bytes"))
    receive_seconds: float = variable(10.0, number(0.1, 600, "of seconds"))
    """For a request to arrive, from its first byte to its last."""
    keep_alive_seconds: int = variable(75, integer(1, 3600, "seconds"))
    """Longer than the 60 s after which load balancers close, so that it is never the server that closes first."""
    drain_delay_seconds: float = variable(2.0, number(0, 300, "of seconds"))
    """From SIGTERM to when no connection is accepted any more: until then routers learn that this replica goes."""
    drain_seconds: float = variable(25.0, number(0, 3600, "of seconds"))
    """From SIGTERM to the end at the latest; below a pod's grace period, 30 s by default."""
    log_sample: float = variable(0.01, number(0, 1, "(a share)"))
    """Of the answered and refused requests, the share that is logged; failures always are."""
    trace_sample: float = variable(0.01, number(0, 1, "(a share)"))
    """Of the requests without a `traceparent`, the share that is traced; with one, its flag decides. Nothing is traced
    unless OpenTelemetry's own OTEL_EXPORTER_OTLP_ENDPOINT says where to."""

    @property
    def objective(self) -> float:
        """Seconds within which a request is to be answered."""
        return self.objective_ms / 1000

    def contradictions(self) -> list[str]:
        """What no two of these values can mean together."""
        found = []
        if self.queue_items < self.max_batch:
            found.append(
                f"SLIPWAY_QUEUE_ITEMS is {self.queue_items}, and must be at least SLIPWAY_MAX_BATCH "
                f"({self.max_batch}): a full batch has to fit the queue"
            )
        if self.queue_bytes < self.max_body_bytes:
            found.append(
                f"SLIPWAY_QUEUE_BYTES is {self.queue_bytes}, and must be at least SLIPWAY_MAX_BODY_BYTES "
                f"({self.max_body_bytes}): the largest request has to fit the queue"
            )
        if self.drain_delay_seconds > self.drain_seconds:
            found.append(
                f"SLIPWAY_DRAIN_DELAY_SECONDS is {self.drain_delay_seconds:g}, and must be at most "
                f"SLIPWAY_DRAIN_SECONDS ({self.drain_seconds:g}), which it is a part of"
            )
        return found
