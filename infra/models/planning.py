"""From settings to what a model's service is. Pure: no Pulumi, no files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.capacity.placement import Placement
from infra.capacity.planning import CapacityPlan
from infra.settings import Settings
from infra.settings.models import Serving
from infra.settings.quantities import bytes_of

NAMESPACE = "models"
"""The Kubernetes namespace in which models run."""
NAME_LABEL = "app.kubernetes.io/name"
"""What a model's pods carry its name in."""
BUILT = "built"
"""An image that the last local build made, found in the lock."""
SERVING_PORT = 3000
"""Where a Bento serves (`bentoml serve`'s default)."""
BENTO_USER = 1034
"""The user that `bentoml containerize` makes in an image."""
BENTO_SOURCES = "/home/bentoml/bento/src"
"""Where it puts a bento's own modules."""
KIT_COMMAND = ("python", "-m", "slipway_kit")
"""The image says which class that serves (SLIPWAY_MODEL)."""


class MissingBuildError(Exception):
    """A model's image is `built`, and nothing was."""

    def __init__(self, models: list[str]) -> None:
        """Name the models and the command."""
        super().__init__(
            f"image: built, but no build of {', '.join(models)} is on record; run `slipway build {' '.join(models)}`"
        )
        self.models = models


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Everything a ModelService is made from.

    Attributes:
        name: The model's name; also that of its Deployment and Service.
        namespace: The Kubernetes namespace.
        image: By digest.
        replicas: Pods.
        cpu: Request and limit of one pod, a Kubernetes quantity.
        memory: The same, of memory.
        gpus: Accelerators of one pod.
        placement: What its pods say to run on their pool; None where the stack has no pools.
        port: Where its container serves.
        user: Numeric user of its container.
        command: What its container runs; the image's own, if empty.
        environment: What its container is told.
    """

    name: str
    namespace: str
    image: str
    replicas: int
    cpu: str
    memory: str
    gpus: int = 0
    placement: Placement | None = None
    port: int = SERVING_PORT
    user: int = BENTO_USER
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """What its objects carry (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/)."""
        return {"app.kubernetes.io/part-of": "slipway", "app.kubernetes.io/component": "model", **self.selector}

    @property
    def amounts(self) -> dict[str, str]:
        """What one pod is given, by resource: requests and limits alike."""
        accelerators = {self.placement.accelerator: str(self.gpus)} if self.placement and self.gpus else {}
        return {"cpu": self.cpu, "memory": self.memory, **accelerators}

    @property
    def selector(self) -> dict[str, str]:
        """What finds its pods; never changes, as a selector cannot."""
        return {NAME_LABEL: self.name}


def plan(settings: Settings, built: Mapping[str, str], capacity: CapacityPlan | None = None) -> list[ModelSpec]:
    """Plan every model of a stack, in the order of the file.

    Args:
        settings: The stack.
        built: Images of local builds, by model.
        capacity: The stack's pools; None where it has none.

    Raises:
        MissingBuildError: Some image is `built` and no build is on record.
        UnplannedError: A model's pool is none of those, or is not for serving.
    """
    missing = [name for name, model in settings.models.items() if model.image == BUILT and name not in built]
    if missing:
        raise MissingBuildError(missing)
    return [
        ModelSpec(
            name=name,
            namespace=NAMESPACE,
            image=built[name] if model.image == BUILT else model.image,
            replicas=model.replicas,
            cpu=model.resources.cpu,
            memory=model.resources.memory,
            gpus=model.resources.gpus,
            placement=capacity.placement(model.pool, "serving") if capacity and model.pool else None,
            command=KIT_COMMAND if model.server == "slipway-kit" else (),
            environment=_environment(model.serving) if model.server == "slipway-kit" else {},
        )
        for name, model in settings.models.items()
    ]


def _environment(serving: Serving) -> dict[str, str]:
    """The kit's variables (bentos/kit/slipway_kit/settings.py)."""
    return {
        "SLIPWAY_OBJECTIVE_MS": str(serving.objective),
        "SLIPWAY_MAX_BATCH": str(serving.max_batch),
        "SLIPWAY_CONCURRENCY": str(serving.concurrency),
        "SLIPWAY_QUEUE_ITEMS": str(serving.queue),
        "SLIPWAY_QUEUE_BYTES": str(bytes_of(serving.queue_memory)),
        "SLIPWAY_MAX_BODY_BYTES": str(bytes_of(serving.largest_request)),
    }
