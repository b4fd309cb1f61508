"""The one Node of an instance without a node: KWOK keeps it and the pods that nothing runs, the runner keeps models'.

A pod that is not a model's reads Running, and nothing runs: what it is for is done by another process, or not at all.
"""

import os
import platform
from pathlib import Path
from typing import Any

import psutil
import yaml

from infra.traffic import MODEL_PODS
from slipway.embedded import told
from slipway.embedded.fleet import processes as fleet
from slipway.embedded.fleet.delays import Delays
from slipway.embedded.fleet.planning import FAKE, MARK
from slipway.embedded.instance import Instance
from slipway.embedded.node import REAL
from slipway.embedded.processes.runner import Settings
from slipway.embedded.supervisor.spec import ProcessSpec

_PODS = "110"
"""kubelet's own `maxPods`."""
_CONTAINER_SECONDS = 0.2
"""Until a pod reads Running that nothing runs: nothing is pulled here that would take longer."""


def manifest(instance: Instance, region: str) -> dict[str, Any]:
    """The Node: as large as this machine.

    Args:
        instance: Whose.
        region: The AWS region that the stack means, where it means one: the node is in its first zone.
    """
    size = {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{psutil.virtual_memory().total // 2**20}Mi",
        "ephemeral-storage": f"{psutil.disk_usage(str(instance.folder)).total // 2**20}Mi",
        "pods": _PODS,
    }
    zone = {"topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": f"{region}a"} if region else {}
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": instance.node_name,
            # There is no other Node: what has to be on the real one of another mode is on this one here.
            "labels": {
                MARK: FAKE,
                REAL: "true",
                "kubernetes.io/hostname": instance.node_name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": architecture,
                **zone,
            },
            "annotations": {MARK: FAKE},
        },
        "status": {
            "capacity": size,
            "allocatable": size,
            "addresses": [{"type": "InternalIP", "address": instance.address}],
        },
    }


def kwok(instance: Instance, program: Path) -> ProcessSpec:
    """KWOK, for the Node and for the pods on it that are not of models."""
    return fleet.kwok_of(instance, program, _stages(), f"--node-ip={instance.address}")


def _stages() -> str:
    (label, value), *_ = MODEL_PODS.items()
    apart = {"key": f'.metadata.labels["{label}"]', "operator": "NotIn", "values": [value]}
    stages = list(yaml.safe_load_all(fleet.stages(Delays(container=_CONTAINER_SECONDS))))
    for stage in stages:
        if stage["spec"]["resourceRef"]["kind"] == "Pod":
            stage["spec"]["selector"]["matchExpressions"].append(apart)
    return yaml.safe_dump_all(stages)


def runner(instance: Instance) -> ProcessSpec:
    """What runs models' pods."""
    settings = Settings(
        instance=instance.name,
        node=instance.node_name,
        address=instance.address,
        network=instance.network,
        kubeconfig=str(instance.etc / "admin.conf"),
        images=str(images(instance)),
        services=str(services(instance)),
        folder=str(instance.node / "pods"),
    )
    return told.process(instance, "runner", "slipway.embedded.processes.runner", settings)


def images(instance: Instance) -> Path:
    """The file of what stands for images, by their names."""
    return instance.etc / "images.json"


def services(instance: Instance) -> Path:
    """The file of where models answer, by their names."""
    return instance.etc / "services.json"
