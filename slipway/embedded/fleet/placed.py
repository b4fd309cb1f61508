"""What became of a model's pods on bought nodes: where they are placed. They are never executed here. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lightkube.resources.core_v1 import Node, Pod

from infra.capacity.names import CAPACITY_TYPE, INSTANCE_TYPE


@dataclass(frozen=True)
class Placed:
    """The pods of a model that runs on bought nodes.

    Attributes:
        model: Its name.
        pods: How many have a node.
        nodes: How many nodes they are on, by kind: `{"m7i.xlarge spot": 1}`.
        executed: Whether they run: on simulated nodes, nothing does.
    """

    model: str
    pods: int
    nodes: dict[str, int]
    executed: bool = False


def placed(model: str, pods: Iterable[Pod], nodes: Iterable[Node]) -> Placed:
    """Where the pods of a model are.

    Args:
        model: Its name.
        pods: Its pods; those that end are not counted.
        nodes: All nodes.
    """
    on = [
        pod.spec.nodeName
        for pod in pods
        if pod.spec and pod.spec.nodeName and pod.metadata and not pod.metadata.deletionTimestamp
    ]
    kinds = {node.metadata.name: _kind(node) for node in nodes if node.metadata}
    counted = Counter(kinds.get(name, "unknown") for name in set(on))
    return Placed(model, len(on), dict(sorted(counted.items())))


def _kind(node: Node) -> str:
    labels = (node.metadata.labels if node.metadata else None) or {}
    return " ".join(filter(None, (labels.get(INSTANCE_TYPE), labels.get(CAPACITY_TYPE)))) or "unknown"
