"""Ray Serve with its batching, `python -m tests.bench.serving.peers.ray_batched`.

- `RAY_SERVE_THROUGHPUT_OPTIMIZED=1` (the table sets it), which its performance guide has for high loads; HAProxy, the
  other half of that page, balances over nodes, and there is one.
  https://docs.ray.io/en/latest/serve/advanced-guides/performance.html
- `@serve.batch` with no waiting for more, and `max_ongoing_requests` far above the batch size, as the guide asks for.
  https://docs.ray.io/en/latest/serve/advanced-guides/dyn-req-batch.html
- One replica, one core; no dashboard, no access log.
"""

import signal
from typing import Any

import msgspec
import ray
from ray import serve
from ray.serve.schema import LoggingConfig
from starlette.requests import Request
from starlette.responses import Response

from tests.bench.serving.model import Model
from tests.bench.serving.shape import told, told_port

_ONGOING = 1024


class Served:
    def __init__(self) -> None:
        self._shape = told()
        self._model = Model(self._shape)

    @serve.batch(max_batch_size=told().largest, batch_wait_timeout_s=0.0)  # type: ignore[untyped-decorator]
    async def compute(self, items: list[Any]) -> list[Any]:
        return self._model.answers(items)

    async def __call__(self, request: Request) -> Response:
        item = msgspec.json.decode(await request.body())[self._shape.key]
        label, scores = await self.compute(item)
        body = msgspec.json.encode({self._shape.label: label, self._shape.scores: scores})
        return Response(body, media_type="application/json")


if __name__ == "__main__":
    ray.init(
        num_cpus=1,
        include_dashboard=False,
        _node_ip_address="127.0.0.1",
        object_store_memory=100 << 20,
        log_to_driver=False,
        configure_logging=False,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": told_port() + 1})
    deployment = serve.deployment(
        Served,
        max_ongoing_requests=_ONGOING,
        num_replicas=1,
        ray_actor_options={"num_cpus": 1},
        logging_config=LoggingConfig(enable_access_log=False, log_level="WARNING"),
    )
    serve.run(deployment.bind(), route_prefix="/predict")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()
