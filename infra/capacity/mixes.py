"""Ratios: how shares in percent become parts of equal size, which a topology spread constraint keeps equally full.

Each part is a value of one node label. Why, and what it costs: docs/capacity/mix.md.
"""

from dataclasses import dataclass
from fractions import Fraction

MOST_PARTS = 20
"""A ratio needs at least as many nodes as it has parts."""
_TOLERANCE = Fraction(1, 200)


@dataclass(frozen=True)
class Ratio:
    """On-demand and spot, as parts of equal size.

    Attributes:
        on_demand: Parts that are on-demand.
        spot: Parts that are spot while there is spot.
    """

    on_demand: int
    spot: int

    @property
    def parts(self) -> int:
        """All of them: the fewest nodes that hold the ratio."""
        return self.on_demand + self.spot

    @property
    def percent(self) -> float:
        """The share of on-demand that the parts come to."""
        return 100 * self.on_demand / self.parts

    def names(self, pool: str) -> dict[str, tuple[str, ...]]:
        """The values of the label, by capacity; they say which share a node is of, so that a changed mix moves none."""
        return {
            "on-demand": tuple(f"{pool}.on-demand-{part}" for part in range(1, self.on_demand + 1)),
            "spot": tuple(f"{pool}.spot-{part}" for part in range(1, self.spot + 1)),
        }

    def deviation(self, pods: int) -> float:
        """The most points by which the share of equally full parts can miss, for one workload of so many pods.

        With a remainder of `pods / parts`, some parts have a pod more than others, and which ones is chance.
        """
        each, rest = divmod(pods, self.parts)
        most = each * self.on_demand + min(rest, self.on_demand)
        least = each * self.on_demand + max(0, rest - self.spot)
        exact = Fraction(self.on_demand, self.parts)
        return float(100 * max(Fraction(most, pods) - exact, exact - Fraction(least, pods)))


def ratio(on_demand: int) -> Ratio | None:
    """The fewest parts that hold a share: exactly where 20 parts can, else to half a point; None where they cannot.

    Args:
        on_demand: Points of a hundred, 1 to 99; the rest is spot.
    """
    exact = Fraction(on_demand, 100)
    if exact.denominator <= MOST_PARTS:
        return Ratio(exact.numerator, exact.denominator - exact.numerator)
    for parts in range(2, MOST_PARTS + 1):
        whole = round(exact * parts)
        if abs(Fraction(whole, parts) - exact) <= _TOLERANCE:
            return Ratio(whole, parts - whole)
    return None


def nearest(on_demand: int) -> int:
    """The share nearest to one that cannot be held, and can."""
    return min((each for each in range(1, 100) if ratio(each)), key=lambda each: abs(each - on_demand))
