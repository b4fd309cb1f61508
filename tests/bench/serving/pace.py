"""How long everything is measured: the full benchmark, and the quick one that shows that it works."""

from dataclasses import dataclass

from tests.bench.serving.shape import LIGHT, Shape

CONTESTED = ("ours", "greedy")
"""Peers that are put through the scenarios: ours, and the strongest of the others under steady load."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Durations in seconds, of the light workload; the heavy one has a hundredth of its requests, and takes longer.

    Attributes:
        name: In reports.
        rounds: How often everything is measured.
        lead: At the start of a run, requests that are sent and not counted.
        probe: For which a rate is offered, in the search for goodput.
        heavy: Factor for the heavy workload.
        precision: Of the search (`Search.precision`).
        tries: Of the search (`Search.tries`).
        swinging: For which the bursty load and the trace are offered.
        mixed: For which priorities are mixed.
        calm: Before an overload, and after it.
        overload: How long it lasts.
        heavy_peers: Peers under the heavy workload; all where empty.
        heavy_contested: Peers that are put through the scenarios under it: ours at least, whose figures must hold by
            themselves there.
    """

    name: str
    rounds: int
    lead: float
    probe: float
    heavy: float
    precision: float
    tries: int
    swinging: float
    mixed: float
    calm: float
    overload: float
    heavy_peers: tuple[str, ...] = ()
    heavy_contested: tuple[str, ...] = CONTESTED

    def factor(self, shape: Shape) -> float:
        """By which durations are multiplied for a workload."""
        return 1.0 if shape is LIGHT else self.heavy

    def contested(self, shape: Shape) -> tuple[str, ...]:
        """Peers that are put through the scenarios."""
        return CONTESTED if shape is LIGHT else self.heavy_contested


FULL = Pace(
    name="full",
    rounds=3,
    lead=0.5,
    probe=3.0,
    heavy=1.7,
    precision=1.05,
    tries=2,
    swinging=12.0,
    mixed=6.0,
    calm=8.0,
    overload=8.0,
)
QUICK = Pace(
    name="quick",
    rounds=1,
    lead=0.3,
    probe=1.0,
    heavy=2.0,
    precision=1.2,
    tries=1,
    swinging=5.0,
    mixed=3.0,
    calm=6.0,
    overload=4.0,
    heavy_peers=("ours", "greedy"),
    heavy_contested=("ours",),
)
