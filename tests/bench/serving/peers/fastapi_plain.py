"""FastAPI on uvicorn, without batching.

- `async def`, in the event loop: a thread for each request costs more than the light model takes, and on one core it
  lets 40 of the heavy one compute at once, which makes all of them late.
  https://fastapi.tiangolo.com/async/
- A return type, so that pydantic writes the JSON: FastAPI's documentation calls it the fastest way.
  https://fastapi.tiangolo.com/advanced/custom-response/
- uvloop and httptools, no access log: https://www.uvicorn.org/settings/
"""

from fastapi import FastAPI
from pydantic import BaseModel

from tests.bench.serving.model import Model
from tests.bench.serving.peers.on_uvicorn import serve
from tests.bench.serving.shape import LIGHT, told


class Image(BaseModel):
    image: list[list[float]]


class Digit(BaseModel):
    digit: int
    probabilities: list[float]


class Tokens(BaseModel):
    tokens: list[int]


class Label(BaseModel):
    label: int
    logits: list[float]


def application() -> FastAPI:
    app = FastAPI()
    model = Model(told())

    async def digits(request: Image) -> Digit:
        [(digit, probabilities)] = model.answers([request.image])
        return Digit(digit=digit, probabilities=probabilities)

    async def encoder(request: Tokens) -> Label:
        [(label, logits)] = model.answers([request.tokens])
        return Label(label=label, logits=logits)

    app.post("/predict")(digits if told() is LIGHT else encoder)
    return app


if __name__ == "__main__":
    serve(application())
