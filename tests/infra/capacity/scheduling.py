"""A small model of who places pods: kube-scheduler's topology spread filter, Karpenter's choice of a part, descheduler.

It follows, for one constraint over one workload:
- kubernetes v1.34 pkg/scheduler/framework/plugins/podtopologyspread/filtering.go (`Filter`, `minMatchNum`): only values
  with nodes are domains; with fewer of them than minDomains, the emptiest counts as empty;
- karpenter v1.14 pkg/controllers/provisioning/scheduling/topologygroup.go (`nextDomainTopologySpread`): every value
  that a NodePool could give is a domain, with or without nodes; the heavier NodePool is asked first;
- descheduler v0.35 topologyspreadconstraint.go (`balanceDomains`): from the fullest to the emptiest with nodes.
It says nothing of time, prices or machines; those are for a rehearsal with the real programs.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from infra.capacity.placement import Spread


@dataclass
class Part:
    """A domain: the room on its nodes, and the workload's pods there."""

    room: int
    pods: int = 0


@dataclass
class Cluster:
    """One workload, by part.

    Attributes:
        spread: The constraint that its pods have.
        parts: Those that have a node.
        pending: Pods without a place.
    """

    spread: Spread
    parts: dict[str, Part] = field(default_factory=dict)
    pending: int = 0

    def allowed(self, part: str) -> bool:
        """kube-scheduler's filter, and room."""
        few = self.spread.min_domains is not None and len(self.parts) < self.spread.min_domains
        emptiest = 0 if few else min(each.pods for each in self.parts.values())
        here = self.parts[part]
        return here.pods < here.room and here.pods + 1 - emptiest <= self.spread.max_skew

    def schedule(self, random: Random) -> None:
        """Bind what can be bound, anywhere that is allowed."""
        while self.pending and (free := [name for name in self.parts if self.allowed(name)]):
            self.parts[random.choice(free)].pods += 1
            self.pending -= 1

    def buy(self, wanted: Sequence[str]) -> Counter[str]:
        """Where Karpenter plans the pending pods: the first part, in the order of NodePools, that is not too full."""
        counts = Counter({name: self.parts[name].pods if name in self.parts else 0 for name in wanted})
        bought: Counter[str] = Counter()
        for _ in range(self.pending):
            least = min(counts.values())
            part = next(each for each in wanted if counts[each] + 1 - least <= self.spread.max_skew)
            counts[part] += 1
            bought[part] += 1
        return bought

    def lose(self, parts: Iterable[str]) -> None:
        """The nodes of parts go; their pods are pending."""
        for name in [*parts]:
            self.pending += self.parts.pop(name).pods

    def shrink(self, pods: int, random: Random) -> None:
        """The ReplicaSet takes pods away; its ranks tie where nodes are equally full, and then it is chance."""
        for _ in range(pods):
            names = [name for name, part in self.parts.items() for _ in range(part.pods)]
            self.parts[random.choice(names)].pods -= 1

    def deschedule(self, random: Random) -> None:
        """Evict from the fullest part for the emptiest until none is too full, and schedule what was evicted."""
        while True:
            ordered = sorted(self.parts.values(), key=lambda part: part.pods)
            if ordered[-1].pods - ordered[0].pods <= self.spread.max_skew or ordered[0].pods == ordered[0].room:
                return
            ordered[-1].pods -= 1
            self.pending += 1
            self.schedule(random)

    def share(self, parts: Iterable[str]) -> float:
        """Points of a hundred of the bound pods that are in these parts."""
        bound = sum(part.pods for part in self.parts.values())
        return 100 * sum(self.parts[name].pods for name in parts if name in self.parts) / bound
