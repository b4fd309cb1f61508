"""What a workload's requests and answers look like: for the harness, and for peers in the benchmark's own environment.

It imports nothing but the standard library: a peer's memory is its own.
"""

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Of one workload.

    Attributes:
        name: `light` or `heavy`.
        key: Of the item in a request.
        item: Shape of an item.
        dtype: numpy's name of the model's input type.
        label: Key of the answer's label, which comes first in it.
        scores: Key of the scores that the label is the largest of.
        objective: Seconds within which a request is to be answered.
        largest: Most items that peers without a planner take into a batch. For `light` where more gains nothing (the
            report has the times); for `heavy` what takes a quarter of the objective: one batch is under way, one is
            next, and a request that comes meanwhile is in the third.
    """

    name: str
    key: str
    item: tuple[int, ...]
    dtype: str
    label: str
    scores: str
    objective: float
    largest: int


LIGHT = Shape(
    name="light",
    key="image",
    item=(8, 8),
    dtype="float32",
    label="digit",
    scores="probabilities",
    objective=0.1,
    largest=64,
)
HEAVY = Shape(
    name="heavy",
    key="tokens",
    item=(64,),
    dtype="int64",
    label="label",
    scores="logits",
    objective=0.5,
    largest=16,
)
SHAPES = {shape.name: shape for shape in (LIGHT, HEAVY)}

WORKLOAD = "BENCH_WORKLOAD"
MODEL = "BENCH_MODEL"
PORT = "BENCH_PORT"


def told() -> Shape:
    """The workload that a peer is started for."""
    return SHAPES[os.environ[WORKLOAD]]


def told_port() -> int:
    """Where a peer is to listen, on the loopback."""
    return int(os.environ[PORT])
