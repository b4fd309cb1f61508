"""BentoML's own adaptive batching: `bentoml serve tests.bench.serving.peers.bentoml_batched:Default` or `:Tuned`.

Items are arrays with a batch dimension, as its guide has them, so a request carries `[item]`.
https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html

`Default` is what one gets from `batchable=True`. `Tuned`:
- `max_batch_size` as for the others, and the objective as `max_latency_ms`: the guide's two settings.
- access log, metrics and the request's own monitoring off:
  https://docs.bentoml.com/en/latest/reference/bentoml/configurations.html
"""

from typing import Annotated, Any

import bentoml
import numpy as np
from bentoml.validators import DType
from numpy.typing import NDArray

from tests.bench.serving.model import Model
from tests.bench.serving.shape import HEAVY, LIGHT, told

_SHAPE = told()
_Items = NDArray[Any]


class _Served:
    def __init__(self) -> None:
        self._model = Model(_SHAPE)

    def answers(self, items: _Items) -> list[dict[str, Any]]:
        scores = self._model.scores(items)
        return [
            {_SHAPE.label: label, _SHAPE.scores: row}
            for label, row in zip(scores.argmax(axis=1).tolist(), scores.tolist(), strict=True)
        ]


def _image(self: _Served, image: Annotated[np.ndarray, DType(LIGHT.dtype)]) -> list[dict[str, Any]]:
    return self.answers(image)


def _tokens(self: _Served, tokens: Annotated[np.ndarray, DType(HEAVY.dtype)]) -> list[dict[str, Any]]:
    return self.answers(tokens)


def _service(name: str, batching: dict[str, int], **settings: Any) -> Any:
    """A service whose `predict` has the parameter that the workload's requests name."""
    function = _image if _SHAPE is LIGHT else _tokens
    function.__name__ = "predict"  # its proxy looks the method up by this name
    predict = bentoml.api(batchable=True, route="/predict", name="predict", **batching)(function)
    made = type(name, (_Served,), {"predict": predict, "__module__": __name__})
    return bentoml.service(name=name.lower(), **settings)(made)


Default = _service("Default", {})
Tuned = _service(
    "Tuned",
    {"max_batch_size": _SHAPE.largest, "max_latency_ms": round(_SHAPE.objective * 1000)},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
    monitoring={"enabled": False},
)
