"""From settings to what a model's service is. Pure: no Pulumi, no files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.capacity.placement import Placement
from infra.capacity.planning import CapacityPlan
from infra.models.environment import environment
from infra.models.routing import RouteSpec, route
from infra.models.scaling import ScaledObjectSpec, scaled
from infra.settings import Settings
from infra.traffic import MODEL_PODS

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
        replicas: Pods; None where they are scaled: two that state them would undo each other's work for ever.
        scaled: What scales them, if anything.
        cpu: Request and limit of one pod, a Kubernetes quantity.
        memory: The same, of memory.
        scratch: The same, of the node's disk.
        gpus: Accelerators of one pod.
        placement: What its pods say to run on their pool; None where the stack has no pools.
        port: Where its container serves.
        user: Numeric user of its container.
        command: What its container runs; the image's own, if empty.
        environment: What its container is told.
        route: How clients reach it; None where the stack has no gateway.
    """

    name: str
    namespace: str
    image: str
    replicas: int | None
    cpu: str
    memory: str
    scratch: str = "1Gi"
    gpus: int = 0
    placement: Placement | None = None
    port: int = SERVING_PORT
    user: int = BENTO_USER
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    scaled: ScaledObjectSpec | None = None
    route: RouteSpec | None = None

    @property
    def labels(self) -> dict[str, str]:
        """What its objects carry (https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/)."""
        return {"app.kubernetes.io/part-of": "slipway", **MODEL_PODS, **self.selector}

    @property
    def amounts(self) -> dict[str, str]:
        """What one pod is given, by resource: requests and limits alike."""
        accelerators = {self.placement.accelerator: str(self.gpus)} if self.placement and self.gpus else {}
        return {"cpu": self.cpu, "memory": self.memory, "ephemeral-storage": self.scratch, **accelerators}

    @property
    def max_unavailable(self) -> str:
        """How many of its pods may be evicted at once; while one loads, none of the others."""
        return self.placement.max_unavailable if self.placement else "1"

    @property
    def selector(self) -> dict[str, str]:
        """What finds its pods; never changes, as a selector cannot."""
        return {NAME_LABEL: self.name}


def plan(
    settings: Settings,
    built: Mapping[str, str],
    capacity: CapacityPlan | None = None,
    reviews: Mapping[str, str] | None = None,
) -> list[ModelSpec]:
    """Plan every model of a stack, in the order of the file.

    Args:
        settings: The stack.
        built: Images of local builds, by model.
        capacity: The stack's pools; None where it has none.
        reviews: URLs of the queues that the stack makes for what people are to see, by model.

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
            namespace=settings.namespace,
            image=built[name] if model.image == BUILT else model.image,
            replicas=None if model.scaling else model.replicas,
            scaled=scaled(name, settings.namespace, model.scaling) if model.scaling else None,
            cpu=model.resources.cpu,
            memory=model.resources.memory,
            scratch=model.resources.scratch,
            gpus=model.resources.gpus,
            placement=capacity.placement(model.pool, "serving") if capacity and model.pool else None,
            command=KIT_COMMAND if model.server == "slipway-kit" else (),
            environment=environment(model.serving, region=settings.region, review=(reviews or {}).get(name, ""))
            if model.server == "slipway-kit"
            else {},
            route=route(name, settings.namespace, model, settings.gateway) if settings.gateway else None,
        )
        for name, model in settings.models.items()
    ]
