"""Starlette and uvicorn with a greedy batcher: the strongest server one writes in an afternoon.

While a batch is computed the next one gathers, and it is everything that waits, up to a size; nothing is refused.
Without FastAPI's validation, which costs more than the model here; JSON by msgspec, as in ours. The light model
computes in the event loop, as handing it to a thread takes longer than the model; the heavy one in a thread.
"""

import asyncio
from collections import deque
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.bench.serving.peers import ours
from tests.bench.serving.peers.on_uvicorn import serve
from tests.bench.serving.shape import LIGHT, told


class Batcher:
    """Computes what waits, all at once."""

    def __init__(self, model: Any, largest: int, *, in_thread: bool) -> None:
        self._model = model
        self._largest = largest
        self._in_thread = in_thread
        self._waiting: deque[tuple[Any, asyncio.Future[Any]]] = deque()
        self._task: asyncio.Task[None] | None = None

    def ask(self, item: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())
        return future

    async def _work(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self._largest, len(self._waiting)))]
            items = [item for item, _ in batch]
            if self._in_thread:
                answers = await asyncio.to_thread(self._model.predict_batch, items)
            else:
                answers = self._model.predict_batch(items)
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.cancelled():
                    future.set_result(answer)
            await asyncio.sleep(0)  # what has come meanwhile is read


def application() -> Starlette:
    shape = told()
    is_light = shape is LIGHT
    model = ours.Digits() if is_light else ours.Encoder()
    model.load()
    batcher = Batcher(model, shape.largest, in_thread=not is_light)
    decoder: Any = msgspec.json.Decoder(ours.Image if is_light else ours.Tokens)
    encoder = msgspec.json.Encoder()

    async def predict(request: Request) -> Response:
        item = decoder.decode(await request.body())
        return Response(encoder.encode(await batcher.ask(item)), media_type="application/json")

    return Starlette(routes=[Route("/predict", predict, methods=["POST"])])


if __name__ == "__main__":
    serve(application())
