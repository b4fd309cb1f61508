"""From a pod to the process that does its work, and back from that process to what the pod's status says. Pure."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.models.planning import BENTO_SOURCES
from infra.settings.quantities import bytes_of
from slipway.embedded.supervisor.spec import Place, ProcessSpec, Status

Manifest = dict[str, Any]
"""A Kubernetes object as JSON."""
PREFIX = "pod-"
"""What the names of pods' processes begin with."""
IN_IMAGE = Path(BENTO_SOURCES).parent
"""Where an image has its Bento."""
_GRACE = 30
_PRLIMIT = "/usr/bin/prlimit"
"""Of util-linux, which nearly every system has; without it, memory is not limited."""


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """What stands for an image: a built Bento with its model, and a virtual environment of what it requires.

    Attributes:
        image: The image's name, by digest.
        folder: Has `bento/` and `venv/`.
        environment: What the image says to its container.
    """

    image: str
    folder: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Health:
    """What the probes of a pod have said.

    Attributes:
        started: Whether it has come up.
        ready: Whether it takes requests.
    """

    started: bool = False
    ready: bool = False


def name_of(pod: Manifest) -> str:
    """What the process of a pod is called."""
    return f"{PREFIX}{pod['metadata']['name']}"


def container_of(pod: Manifest) -> Manifest:
    """Its one container."""
    found: Manifest = pod["spec"]["containers"][0]
    return found


def port_of(pod: Manifest) -> int:
    """Where its container serves."""
    ports = container_of(pod).get("ports") or [{"containerPort": 3000}]
    return int(ports[0]["containerPort"])


def unsupported(pod: Manifest) -> list[str]:
    """What of a pod would be passed over: it is not run with less than it asks for."""
    spec, container = pod["spec"], container_of(pod)
    probes = [container.get(kind) or {} for kind in ("startupProbe", "livenessProbe", "readinessProbe")]
    given = {
        "initContainers": bool(spec.get("initContainers")),
        "several containers": len(spec["containers"]) > 1,
        "envFrom": bool(container.get("envFrom")),
        "env.valueFrom": any(each.get("valueFrom") for each in container.get("env") or []),
        "probes that are not httpGet": any(probe and not probe.get("httpGet") for probe in probes),
        "initialDelaySeconds": any(probe.get("initialDelaySeconds") for probe in probes),
    }
    return [name for name, is_given in given.items() if is_given]


def told_health(pod: Manifest, restarts: int) -> Health:
    """What a pod says of itself, if that was said of the process which has been started so often."""
    for each in (pod.get("status") or {}).get("containerStatuses") or []:
        if each.get("restartCount") == restarts and (each.get("state") or {}).get("running"):
            return Health(bool(each.get("started")), bool(each.get("ready")))
    return Health()


def process(pod: Manifest, unpacked: Unpacked, *, address: str, scratch: Path) -> ProcessSpec:
    """The process that does the work of a pod: its container's command, environment and limit of memory.

    Args:
        pod: The pod.
        unpacked: What stands for its image.
        address: Where it listens.
        scratch: A folder of its own, for the volumes that it writes to.
    """
    container = container_of(pod)
    folder = Path(unpacked.folder)
    seen = {str(IN_IMAGE): str(folder / "bento")}
    seen |= {each["mountPath"]: str(scratch / each["name"]) for each in container.get("volumeMounts") or []}
    told = {**unpacked.environment, **{each["name"]: each.get("value", "") for each in container.get("env") or []}}
    env = {name: _elsewhere(value, seen) for name, value in told.items()}
    command = container.get("command") or ["bentoml", "serve", str(folder / "bento"), "--host", address]
    memory = container.get("resources", {}).get("limits", {}).get("memory")
    limits = [_PRLIMIT, f"--data={bytes_of(memory)}", "--"] if memory and Path(_PRLIMIT).exists() else []
    return ProcessSpec(
        name=name_of(pod),
        argv=[*limits, str(folder / "venv" / "bin" / command[0]), *command[1:], *(container.get("args") or [])],
        env={
            **env,
            "PATH": f"{folder / 'venv' / 'bin'}:/usr/bin:/bin",
            "BENTO_PATH": str(folder / "bento"),
            "TMPDIR": str(scratch),
            "SLIPWAY_HOST": address,
            "SLIPWAY_PORT": str(port_of(pod)),
        },
        place=Place.HOST,
        cwd=_elsewhere(container.get("workingDir", str(IN_IMAGE)), seen),
        stop_seconds=float(pod["spec"].get("terminationGracePeriodSeconds", _GRACE)),
    )


def _elsewhere(text: str, seen: Mapping[str, str]) -> str:
    """A path of a container, where it is on this machine; other texts as they are."""
    for path, real in seen.items():
        if text == path or text.startswith(f"{path}/"):
            return real + text[len(path) :]
    return text


def status(
    pod: Manifest,
    running: Status | None,
    health: Health,
    *,
    address: str,
    host: str,
    why: str = "",
    reason: str = "ErrImageNeverPull",
) -> Manifest:
    """What a pod's status should say; as it is where nothing but the time would be new.

    Args:
        pod: The pod.
        running: What the supervisor knows of its process; None where there is none.
        health: What its probes have said.
        address: What it says it listens at.
        host: The Node's address.
        why: Why there is no process.
        reason: The same in kubelet's word.
    """
    is_running = running is not None and bool(running.pid)
    ready = is_running and health.ready
    before: Manifest = pod.get("status") or {}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    container = container_of(pod)
    state: Manifest
    if running is not None and is_running:
        state = {"running": {"startedAt": _since(before, running.restarts, now)}}
    elif running is not None:
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": f"it ended with status {running.exit_status}"}}
    else:
        state = {"waiting": {"reason": reason if why else "ContainerCreating", "message": why}}
    conditions = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
    wanted = {
        "phase": "Running" if running is not None else "Pending",
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": before.get("startTime", now),
        "conditions": [
            {
                "type": kind,
                "status": str(value),
                "lastTransitionTime": _changed(before, kind, str(value), now),
            }
            for kind, value in conditions.items()
        ],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": container["image"],
                "ready": ready,
                "started": is_running and health.started,
                "restartCount": running.restarts if running is not None else 0,
                "state": state,
            }
        ],
    }
    return copy.deepcopy(before) if _essence(wanted) == _essence(before) else wanted


def _since(before: Manifest, restarts: int, now: str) -> str:
    for each in before.get("containerStatuses") or []:
        if (each.get("state") or {}).get("running") and each.get("restartCount") == restarts:
            return str(each["state"]["running"]["startedAt"])
    return now


def _changed(before: Manifest, kind: str, value: str, now: str) -> str:
    for each in before.get("conditions") or []:
        if each["type"] == kind and each["status"] == value and each.get("lastTransitionTime"):
            return str(each["lastTransitionTime"])
    return now


def _essence(status: Manifest) -> Any:
    """What somebody would act on."""
    return (
        status.get("phase"),
        status.get("podIP"),
        sorted((each["type"], each["status"]) for each in status.get("conditions") or []),
        [
            (each.get("ready"), each.get("started"), each.get("restartCount"), _kind(each.get("state") or {}))
            for each in status.get("containerStatuses") or []
        ],
    )


def _kind(state: Manifest) -> tuple[str, str]:
    for kind, said in state.items():
        if said is not None:
            return kind, str(said.get("message") or "")
    return "", ""
