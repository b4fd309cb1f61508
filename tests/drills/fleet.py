"""Workloads on pools, and what became of them: pods by node, nodes by how they were bought."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import Namespace, Node, Pod

from infra.capacity.names import CAPACITY_TYPE, POOL
from infra.capacity.planning import plan
from infra.catalog import Catalog
from infra.models.placing import placed
from infra.models.planning import ModelSpec
from infra.settings import load_file
from infra.settings.capacity import Purpose
from tests.drills.everything import NODE_CLAIM, listed
from tests.drills.rehearsal import Rehearsal

NAMESPACE = "drill"
_IMAGE = "localhost/placed-and-never-executed:1"


@dataclass(frozen=True)
class Machine:
    """A bought node.

    Attributes:
        name: Of its Node.
        instance: Its EC2 id.
        pool: The pool of the stack file.
        node_pool: Karpenter's.
        capacity: `on-demand`, `spot` or `reserved`.
        type: Its instance type.
        cpus: Its processors.
        gpus: Its accelerators.
        ready: Whether Karpenter has initialised it.
    """

    name: str
    instance: str
    pool: str
    node_pool: str
    capacity: str
    type: str
    cpus: int
    gpus: int
    ready: bool


class Fleet:
    """The bought nodes of a rehearsal, and workloads of the drill's own on them."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal = rehearsal
        settings = load_file(rehearsal.file)
        self._plan = plan(settings.capacity, Catalog.load(), region=settings.region)
        self.client.apply(Namespace(metadata=ObjectMeta(name=NAMESPACE)), field_manager="drill")

    @property
    def client(self) -> Any:
        return self.rehearsal.kubernetes

    @property
    def node_pools(self) -> set[str]:
        """The names of all NodePools that the stack file asks for."""
        return {each.name for each in self._plan.node_pools}

    # -- workloads -----------------------------------------------------------------------------------------------

    def deploy(
        self, name: str, pool: str, *, pods: int, cpu: str = "1", gpus: int = 0, purpose: Purpose = "serving"
    ) -> None:
        """Place a workload on a pool, as a model of the stack file is."""
        placement = self._plan.placement(pool, purpose)
        spec = ModelSpec(
            name=name,
            namespace=NAMESPACE,
            image=_IMAGE,
            replicas=pods,
            cpu=cpu,
            memory="1Gi",
            gpus=gpus,
            placement=placement,
        )
        template = {
            "metadata": {"labels": spec.labels},
            "spec": {
                **_as_json(placed(spec)),
                "terminationGracePeriodSeconds": 5,
                "containers": [
                    {"name": "c", "image": _IMAGE, "resources": {"requests": spec.amounts, "limits": spec.amounts}}
                ],
            },
        }
        manifest = {
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"replicas": pods, "selector": {"matchLabels": spec.selector}, "template": template},
        }
        self.client.create(cast("Deployment", Deployment.from_dict(manifest)))

    def scale(self, name: str, pods: int) -> None:
        """Another number of pods."""
        self.client.patch(Deployment, name, {"spec": {"replicas": pods}}, namespace=NAMESPACE)

    def remove(self, name: str) -> None:
        """End a workload."""
        self.client.delete(Deployment, name, namespace=NAMESPACE)

    # -- what became of them -------------------------------------------------------------------------------------

    def pods(self, name: str) -> list[dict[str, Any]]:
        """The pods of a workload that are not on their way out."""
        selector = {"app.kubernetes.io/name": name}
        found = [dict(each.to_dict()) for each in self.client.list(Pod, namespace=NAMESPACE, labels=selector)]
        return [each for each in found if "deletionTimestamp" not in each["metadata"] and _is_alive(each)]

    def bound(self, name: str) -> Counter[str]:
        """How many pods of a workload are on nodes of each capacity type."""
        machines = {each.name: each for each in self.machines()}
        names = [each["spec"].get("nodeName", "") for each in self.pods(name)]
        return Counter(machines[each].capacity for each in names if each in machines)

    def is_placed(self, name: str, pods: int) -> bool:
        """Whether a workload has so many pods, and all are on nodes."""
        return len(self.pods(name)) == pods and self.bound(name).total() == pods

    def share(self, name: str) -> float:
        """The percentage of a workload's placed pods that is on-demand."""
        found = self.bound(name)
        return 100 * found["on-demand"] / max(1, found.total())

    def machines(self, pool: str = "") -> list[Machine]:
        """The bought nodes; those of one pool, if one is named."""
        return [each for each in self._machines() if each.pool and pool in {"", each.pool}]

    def _machines(self) -> Iterator[Machine]:
        for node in self.client.list(Node):
            raw = dict(node.to_dict())
            labels, capacity = raw["metadata"].get("labels", {}), raw["status"]["capacity"]
            yield Machine(
                name=raw["metadata"]["name"],
                instance=str(raw["spec"].get("providerID", "")).rpartition("/")[2],
                pool=labels.get(POOL, ""),
                node_pool=labels.get("karpenter.sh/nodepool", ""),
                capacity=labels.get(CAPACITY_TYPE, ""),
                type=labels.get("node.kubernetes.io/instance-type", ""),
                cpus=int(capacity["cpu"]),
                gpus=int(capacity.get("nvidia.com/gpu", "0")),
                ready=labels.get("karpenter.sh/initialized") == "true",
            )

    def claims(self) -> dict[str, dict[str, Any]]:
        """NodeClaims by uid."""
        return {each["metadata"]["uid"]: each for each in listed(self.client, NODE_CLAIM)}


def conditions(each: Mapping[str, Any]) -> dict[str, str]:
    """The conditions of an object by type."""
    return {one["type"]: one["status"] for one in each.get("status", {}).get("conditions") or []}


def _is_alive(pod: Mapping[str, Any]) -> bool:
    return pod["status"].get("phase") not in {"Failed", "Succeeded"}


def _as_json(value: Any) -> Any:
    """Fields as Kubernetes spells them; labels have no underscores, and stay as they are."""
    if isinstance(value, dict):
        return {_camel(key): _as_json(each) for key, each in value.items()}
    return [_as_json(each) for each in value] if isinstance(value, list) else value


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(each.capitalize() for each in rest)
