"""How much any server of this kind could answer on one core: 1 / (c_http + c_model(B) / B).

`c_http` is what the bare server takes for a request, and `c_model(B)` what the model takes for a batch; both need the
core. B is the largest batch that fits the objective: what comes just after a batch has begun waits for all of it and
then for its own, so twice its time is within the objective, and no more than 64 (the kit's default).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from slipway.load.generating import pinned
from slipway.running import run
from tests.bench.serving.fixtures import Fixture
from tests.bench.serving.shape import Shape

SIZES = (1, 2, 4, 8, 16, 32, 64)
_SECONDS = 0.8
"""For which each size is computed again and again."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Of a workload, in one round.

    Attributes:
        http: Seconds a request takes of the bare server.
        batches: Seconds a batch takes of the model, by size.
        size: B.
        rate: Requests per second.
    """

    http: float
    batches: Mapping[int, float]
    size: int
    rate: float


def limit(shape: Shape, http: float, batches: Mapping[int, float]) -> Limit:
    """The limit of a workload whose bare server and model take these times (seconds)."""
    fitting = [size for size, seconds in batches.items() if 2 * seconds <= shape.objective]
    size = max(fitting, default=min(batches))
    return Limit(http=http, batches=dict(batches), size=size, rate=1 / (http + batches[size] / size))


def timed(fixture: Fixture, core: int) -> dict[int, float]:
    """Seconds of each size (lower quartile: what else runs only ever adds), in a process on the server's core."""
    said = run(
        [*pinned(core), sys.executable, "-m", __name__, fixture.shape.name, fixture.model, fixture.model.parent],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    return {int(size): seconds for size, seconds in json.loads(said.strip().splitlines()[-1]).items()}


def _main(name: str, model_path: str, folder: str) -> None:
    from tests.bench.serving.model import Model  # noqa: PLC0415  # only this process loads the runtime
    from tests.bench.serving.shape import SHAPES  # noqa: PLC0415

    shape = SHAPES[name]
    model = Model(shape, model_path)
    items = np.load(f"{folder}/items.npy")
    found: dict[int, float] = {}
    for size in SIZES:
        batch, until = items[:size], time.perf_counter() + _SECONDS
        times: list[float] = []
        while time.perf_counter() < until or len(times) < 3:
            begun = time.perf_counter()
            model.scores(batch)
            times.append(time.perf_counter() - begun)
        found[size] = float(np.quantile(times, 0.25))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
