"""The ASGI application of one model: from loading it, over answering, to its end."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import exposition

from slipway_kit import openapi
from slipway_kit.answers import Answer, Receive, Scope, Send, fault, refused
from slipway_kit.around import contract
from slipway_kit.around.around import Around
from slipway_kit.around.around import around as make_around
from slipway_kit.around.metrics import AroundMetrics
from slipway_kit.around.settings import AroundSettings
from slipway_kit.batcher import Batcher
from slipway_kit.logs import logger
from slipway_kit.metrics import ROUTES, Metrics, Step, registry_of
from slipway_kit.model import Contract, checked, example_of, load, tag_of, version_of
from slipway_kit.planning.entry import Priority, Reason, RefusedError
from slipway_kit.planning.planner import Batch, Limits, Planner
from slipway_kit.planning.profile import ServiceProfile
from slipway_kit.predicting import Predictions
from slipway_kit.requests import Request, in_batch
from slipway_kit.settings import Settings
from slipway_kit.store import folder_of
from slipway_kit.tracing import Tracing, tracing
from slipway_kit.variables import SettingsError
from slipway_kit.warming import measured
from slipway_kit.workers import Inline, Light, Threads, Workers

_T = TypeVar("_T")
_INLINE_SECONDS = 0.002
"""A batch of the usual size that takes less is computed in the event loop, which answers nothing else meanwhile."""
_FLUSH_SECONDS = 4.0
"""At the end, for what waits to be sent for review: drain and this are together less than a pod's grace period."""
_METHODS = {"/predict": "POST", "/predict/batch": "POST"}
_DIRECT = frozenset(path.encode() for path in _METHODS)


class State(enum.Enum):
    """Of an application."""

    STARTING = "starting"
    READY = "ready"
    LEAVING = "leaving"
    """It answers still, and tells routers and clients that they should go elsewhere."""
    FAILED = "failed"


class Application:
    """Serves one model. `start` is called in the event loop: by ASGI's lifespan, or by who mounts it."""

    def __init__(self, model: type, settings: Settings, around: AroundSettings, *, tracer_provider: Any = None) -> None:
        self.settings = settings
        self.state = State.STARTING
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], object] = lambda: None
        self.on_ready: Callable[[], object] = lambda: None
        self.folder: Path | None = None
        """Of the saved model, for who knows it better than the store does."""
        self._make = model
        self._contract = Contract.of(model)
        contract.check(model, self._contract, around)
        self._around_settings = around
        self._around_metrics = AroundMetrics()
        self._around: Around | None = None
        self._version = version_of(model, None)
        self._metrics = Metrics(objective=settings.objective, max_batch=settings.max_batch)
        self._metrics.more = self._around_metrics.collect
        self._registry = registry_of(self._metrics)
        self._tracing = tracing(settings.trace_sample, self._contract.name, tracer_provider)
        self._model: Any = None
        self._batcher: Batcher | None = None
        self._predictions: Predictions | None = None
        self._loading: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"{scope['type']} is not served here")
        path: str = scope["path"]
        if scope.get("root_path"):
            path = path.removeprefix(scope["root_path"])
        if self._predictions is not None and scope["method"] == "POST" and path in _METHODS:
            await self._predictions(scope, receive, send, route=path, is_leaving=self.is_leaving)
            return
        begun = time.monotonic()
        answer = self._other(path, scope["method"])
        self._metrics.request(path if path in ROUTES else ROUTES[-1], answer.status, time.monotonic() - begun)
        await answer.send(scope, send)

    def start(self) -> None:
        """Begin to load the model; health is answered meanwhile."""
        if self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load())

    def leave(self) -> None:
        """Become unready, and ask clients to connect elsewhere; what comes all the same is answered."""
        if self.state is not State.FAILED:
            self.state = State.LEAVING

    async def close(self) -> None:
        """Refuse what is left, and let the model close."""
        self.leave()
        if self._loading is not None and not self._loading.done():
            self._loading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loading
        self._metrics.lost += self._metrics.in_flight
        if self._batcher is not None:
            self._batcher.close()
        if self._around is not None:
            await self._around.close(_FLUSH_SECONDS)
        close = getattr(self._model, "close", None)
        if close is not None:
            close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)

    @property
    def is_leaving(self) -> bool:
        """Whether clients are to go elsewhere."""
        return self.state is State.LEAVING

    def direct(self, path: bytes) -> Predictions | None:
        """What answers POST to this path, for a server that calls it without ASGI; none if nothing does yet."""
        return self._predictions if path in _DIRECT else None

    @property
    def unanswered(self) -> int:
        """Predictions that have come and have not been answered, or only that the process ends."""
        return self._metrics.in_flight + self._metrics.lost

    def scraped(self) -> bytes:
        """The metrics, in Prometheus' text format."""
        self._metrics.now = time.monotonic()
        return exposition.generate_latest(self._registry)

    async def _load(self) -> None:
        try:
            profile = await _in_thread(self.loaded)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever an author's code raises
            self._fail(error)
            return
        try:
            self._serve(profile)
        except SettingsError as error:
            self._fail(error)
            return
        self.on_ready()

    def _fail(self, error: BaseException) -> None:
        self.failure, self.state = error, State.FAILED
        logger.critical("the model cannot be served", exc_info=error)
        self.on_failure()

    @property
    def model(self) -> Any:
        """The model, once it is made."""
        return self._model

    def loaded(self) -> ServiceProfile:
        """Make the model, load it, and measure it. This takes its time, so that a server has a thread for it."""
        begun = time.monotonic()
        self._model = model = self._make()
        tag = tag_of(model)
        folder = None if tag is None else self.folder or folder_of(tag, os.environ)
        load(model, folder)
        self._version = version_of(model, folder)
        loaded = time.monotonic()
        profile = measured(
            model,
            example_of(model),
            self._rehearse,
            most=self.settings.max_batch,
            quantile=self.settings.quantile,
            objective=self.settings.objective,
        )
        self._metrics.start |= {Step.LOAD: loaded - begun, Step.PROFILE: time.monotonic() - loaded}
        return profile

    def _serve(self, profile: ServiceProfile) -> None:
        settings = self.settings
        planner = Planner(
            Limits(
                objective=settings.objective,
                margin=settings.objective * settings.margin,
                max_batch=settings.max_batch,
                queue_items=settings.queue_items,
                queue_bytes=settings.queue_bytes,
                concurrency=settings.concurrency,
            ),
            profile,
        )
        observer = _Observer(self._metrics, self._tracing)
        self._batcher = Batcher(planner, self._compute, self._workers(profile.typical(planner.usual_batch)), observer)
        self._metrics.planner = planner
        self._metrics.is_ready = True
        self._around = make_around(
            self._model, self._contract, self._version, self._around_settings, self._around_metrics
        )
        self._predictions = Predictions(
            around=self._around,
            model=self._model,
            version=self._version,
            contract=self._contract,
            settings=settings,
            batcher=self._batcher,
            metrics=self._metrics,
            tracing=self._tracing,
        )
        if self.state is State.STARTING:
            self.state = State.READY
        if profile.tail(1) > settings.objective:
            logger.warning("a lone item takes longer than SLIPWAY_OBJECTIVE_MS; what comes beside others is refused")
        fields = {
            "version": self._version,
            "usual_batch": planner.usual_batch,
            "capacity": round(planner.capacity, 1),
            "tail_ms": {units: round(profile.tail(units) * 1000, 3) for units in (1, planner.usual_batch)},
        }
        logger.info("ready", extra={"fields": fields})

    def _workers(self, seconds: float) -> Workers:
        """Where batches are computed that usually take so long."""
        execution = self.settings.execution
        is_quick = self.settings.concurrency == 1 and seconds < _INLINE_SECONDS
        if execution == "inline":
            return Inline()
        if execution == "auto" and is_quick:
            return Light(partial(Threads, self.settings.concurrency))
        return Threads(self.settings.concurrency)

    def _compute(self, items: list[Any]) -> list[Any]:
        return checked(self._model, items, self._contract)

    def _rehearse(self, items: list[Any]) -> list[Any]:
        """As a batch is computed, but for nobody."""
        nobody = Request(id="warm-up", priority=Priority.LOW, deadline=math.inf, headers=())
        return in_batch((nobody,) * len(items), lambda: self._compute(items))

    def _other(self, path: str, method: str) -> Answer:
        allowed = _METHODS.get(path, "GET" if path in ROUTES else None)
        if allowed is None:
            return fault(404, "not_found", "there are /predict, /predict/batch and /openapi.json")
        if method != allowed and (method, allowed) != ("HEAD", "GET"):
            answer = fault(405, "method", f"this is asked with {allowed}")
            return answer._replace(headers=(*answer.headers, (b"allow", allowed.encode())))
        if path in _METHODS:
            self._metrics.refused(Reason.STARTING, 1)
            return self._unready()
        return self._told(path)

    def _told(self, path: str) -> Answer:
        if path == "/metrics":
            return Answer(200, self.scraped(), ((b"content-type", exposition.CONTENT_TYPE_LATEST.encode()),))
        if path == "/openapi.json":
            return Answer(200, openapi.description(self._contract, self._version, self.settings.max_batch))
        if path == "/livez":
            if self.state is State.FAILED:
                return fault(500, "failed", "the model could not be loaded; the log says why")
            return Answer(200, b'{"status":"live"}')
        return Answer(200, b'{"status":"ready"}') if self.state is State.READY else self._unready()

    def _unready(self) -> Answer:
        reason = Reason.DRAINING if self.state is State.LEAVING else Reason.STARTING
        return refused(RefusedError(reason, 1.0))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


class _Observer:
    """Tells metrics and traces what the batcher does."""

    def __init__(self, metrics: Metrics, traces: Tracing | None) -> None:
        self.offered = metrics.offered
        self.refused = metrics.refused
        self._metrics = metrics
        self._traces = traces

    def started(self, batch: Batch, members: Sequence[Request]) -> Any:
        return self._traces.batch(members, batch.units) if self._traces is not None else None

    def inside(self, begun: Any, compute: Callable[[], list[Any]]) -> list[Any]:
        if begun is None or self._traces is None:
            return compute()
        return self._traces.inside(begun, compute)

    def ended(self, batch: Batch, begun: Any, error: BaseException | None) -> None:
        waited = sum(batch.started - entry.arrival for entry in batch.entries)
        self._metrics.batch(len(batch.entries), waited=waited, failed=error is not None)
        if self._traces is not None:
            self._traces.batch_ended(begun, error)


async def _in_thread(function: Callable[[], _T]) -> _T:
    """What the function returns, from a thread that keeps no process from ending (unlike asyncio's own)."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def tell(error: BaseException | None, result: Any) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def run() -> None:
        error: BaseException | None = None
        result: Any = None
        try:
            result = function()
        except BaseException as raised:  # noqa: BLE001  # told to who waits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(partial(tell, error, result))

    threading.Thread(target=run, name="slipway-load", daemon=True).start()
    return await future


def application(
    model: type, settings: Settings, *, around: AroundSettings | None = None, tracer_provider: Any = None
) -> Application:
    """The ASGI application that serves a model.

    Args:
        model: The author's class; `slipway_kit.model.Model` says what it must have.
        settings: As from `environment.read`.
        around: The same, of cache, breaker, fallbacks and review; by default there are none.
        tracer_provider: Of OpenTelemetry; otherwise one that sends to OTEL_EXPORTER_OTLP_ENDPOINT, if that is set.

    Raises:
        ContractError: The class cannot be served.
    """
    return Application(model, settings, around or AroundSettings(), tracer_provider=tracer_provider)
