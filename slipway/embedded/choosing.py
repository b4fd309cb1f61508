"""In which mode an instance is to be on this machine, and why."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from infra.models.planning import BUILT
from infra.settings import EksCluster, ExistingCluster, Settings
from slipway.embedded import preflight
from slipway.embedded.instance import Instance
from slipway.embedded.modes import Mode
from slipway.errors import PreflightError

NOT_SHOWN: dict[Mode, tuple[str, ...]] = {
    Mode.PROCESSES: (
        "containers and what they are kept apart by (image, user, file system, limit of processors)",
        "kubelet, CNI, cluster DNS and the addresses of Services",
        "Envoy Gateway's controller (its translator and Envoy are real)",
        "NetworkPolicies",
    ),
    Mode.CONTEXT: (
        "what the official Kubernetes plugin does (that of this project deployed)",
        "AWS (the endpoint of this machine stands for it)",
        "a gateway, scaling, the shared cache and bought nodes (this mode refuses them)",
    ),
}
"""What an instance is no evidence of, by mode."""


@dataclass(frozen=True)
class Choice:
    """A mode, and why it is that one.

    Attributes:
        mode: Which.
        why: In a few words.
    """

    mode: Mode
    why: str


def choose(instance: Instance, settings: Settings, *, stack: str, asked: Mode | None = None) -> Choice:
    """Choose the mode of an instance: the one asked for, the one it is in, or the best that this machine allows.

    Args:
        instance: Which one.
        settings: The stack.
        stack: Its name, for messages.
        asked: The mode that must be, if any.

    Raises:
        PreflightError: The mode that is asked for is impossible, or none is possible; with what is missing.
    """
    if asked is Mode.CONTEXT or (asked is None and instance.settled and instance.mode is Mode.CONTEXT):
        if refusals := list(refused_in_a_context(settings)):
            lines = [f"the stack {stack} cannot be in a cluster of others, as it has", *(f"  - {r}" for r in refusals)]
            raise PreflightError(
                "\n".join(lines), remedy=f"run `slipway up {stack} --as NAME`, in an instance of its own"
            )
        return Choice(Mode.CONTEXT, "`--context` was given" if asked else "it is in this mode already")
    again = f"slipway up {stack}{f' --as {instance.name}' if instance.name != stack else ''}"
    if asked is None and instance.settled:
        asked, why = instance.mode, "it is in this mode already"
    else:
        why = "it was asked for"
    needs = list(needs_a_node(settings))
    if instance.is_up and asked is instance.mode and not (asked is Mode.PROCESSES and needs):
        return Choice(asked, why)  # it shows that it can be
    lacks = preflight.lacks_of_node()
    if asked is Mode.NODE and lacks:
        other = "" if needs else f"or run `{again} --mode processes`, which needs none of this"
        preflight.refuse("carry a node", lacks, also=other)
    if asked is Mode.PROCESSES and needs:
        other = "" if lacks else f"run `{again} --mode node`, which this machine can carry"
        _refuse_stack(stack, needs, [], also=other or "run it on a machine where you are root and may mount")
    if asked is not None:
        return Choice(asked, why)
    if not lacks:
        return Choice(Mode.NODE, "this machine can carry a node")
    if needs:
        _refuse_stack(stack, needs, [lack.what for lack in lacks], also="\n    ".join(each.remedy for each in lacks))
    return Choice(Mode.PROCESSES, lacks[0].what)


def of_machine() -> Mode:
    """The mode that an instance would have here whose stack needs nothing special."""
    return Mode.PROCESSES if preflight.lacks_of_node() else Mode.NODE


def needs_a_node(settings: Settings) -> Iterator[str]:
    """What of a stack runs in pods of its own, key by key: nothing does that without a node."""
    if isinstance(settings.cluster, EksCluster):
        yield "slipway:cluster: of EKS, whose programs run in pods"
    if settings.capacity:
        yield "slipway:capacity: nodes are bought by Karpenter, which runs in a pod"
    if settings.cache is not None:
        yield "slipway:cache: Valkey runs in a pod"
    for name, model in settings.models.items():
        if model.scaling:
            yield f"slipway:models.{name}.scaling: KEDA and Prometheus run in pods"
        if model.image != BUILT:
            yield f"slipway:models.{name}.image: only `built` images can be unpacked"


def refused_in_a_context(settings: Settings) -> Iterator[str]:
    """What of a stack is not deployed to a cluster of others, key by key."""
    cluster = settings.cluster
    if not isinstance(cluster, ExistingCluster):
        yield f"slipway:cluster: {'of EKS' if cluster else 'none'}, and it must name one that exists (`context`)"
    if settings.capacity:
        yield "slipway:capacity: nodes are bought in AWS"
    if settings.gateway is not None:
        yield "slipway:gateway: its controller may be there already, and is not ours to change"
    if settings.cache is not None:
        yield "slipway:cache: its image is only known to clusters of this project"
    if settings.scales:
        yield "slipway:models.*.scaling: KEDA and Prometheus may be there already, and are not ours to change"
    built = [name for name, model in settings.models.items() if model.image == BUILT]
    for name in built:
        if isinstance(cluster, ExistingCluster) and not cluster.registry:
            yield f"slipway:models.{name}.image: `built`, and no slipway:cluster.registry that nodes could pull from"
    if built and (lacks := preflight.lacks_of_node()):
        yield f"slipway:models.{built[0]}.image: `built`, and images cannot be made here: {lacks[0].what}"


def _refuse_stack(stack: str, needs: list[str], missing: list[str], *, also: str) -> None:
    lines = [f"the stack {stack} needs a node, as it has", *(f"  - {each}" for each in needs)]
    if missing:
        who = "root" if os.geteuid() == 0 else "this user"
        lines += [f"and this machine cannot carry one for {who}:", *(f"  - {each}" for each in missing)]
    raise PreflightError("\n".join(lines), remedy=also)
