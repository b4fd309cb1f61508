"""LitServe with its batching, `python -m tests.bench.serving.peers.litserve_batched`.

- `max_batch_size`, and `batch_timeout` 0, its default: what waits is taken, without waiting for more.
  https://lightning.ai/docs/litserve/features/batching
- `fast_queue`: ZeroMQ between the server and the worker, which its documentation has for high loads.
  https://lightning.ai/docs/litserve/api-reference/litserver
- One server and one worker, as there is one core; a request is read as JSON without pydantic, as its examples do.
"""

from typing import Any

import litserve
from fastapi import Request

from tests.bench.serving.model import Model
from tests.bench.serving.shape import told, told_port


class Api(litserve.LitAPI):  # type: ignore[misc]  # where it is not installed
    def setup(self, device: Any) -> None:  # noqa: ARG002  # as it is called
        self._shape = told()
        self._model = Model(self._shape)

    def decode_request(self, request: Request) -> Any:
        body: Any = request  # it is given the decoded JSON; without `Request` here FastAPI would look for a parameter
        return body[self._shape.key]

    def batch(self, inputs: list[Any]) -> list[Any]:
        return inputs

    def predict(self, inputs: list[Any]) -> list[tuple[int, list[float]]]:
        return self._model.answers(inputs)

    def unbatch(self, output: list[Any]) -> list[Any]:
        return output

    def encode_response(self, output: tuple[int, list[float]]) -> dict[str, Any]:
        return {self._shape.label: output[0], self._shape.scores: output[1]}


if __name__ == "__main__":
    litserve.LitServer(
        Api(max_batch_size=told().largest, batch_timeout=0.0), accelerator="cpu", devices=1, fast_queue=True
    ).run(
        host="127.0.0.1",
        port=told_port(),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
