"""How long things take that do not happen here: a machine's boot, and the agents that report in afterwards.

These are assumptions, of the order that users of EKS with AL2023 report; nothing here has measured them. What a
rehearsal concludes from them holds as far as they do, so they can be set, and scaled, for each instance.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Self

from slipway.embedded.fleet.sizing import InstanceType, gpus

OWNERS = {
    "node.cilium.io/agent-not-ready": 15.0,
    "ebs.csi.aws.com/agent-not-ready": 10.0,
    "efs.csi.aws.com/agent-not-ready": 10.0,
}
"""Startup taints that an agent on the node takes away itself, and how many seconds after the node is Ready.

https://docs.cilium.io/en/stable/installation/taints/
https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/install.md#configure-node-startup-taint
Another taint goes where a DaemonSet of the cluster names it, as one that takes it away must; where none does it has no
owner, and stays, as it does on AWS.
"""


@dataclass(frozen=True, kw_only=True)
class Delays:
    """Modelled times, in seconds.

    Attributes:
        cpu: From a running instance to a Node: kernel, cloud-init, containerd, kubelet.
        gpu: The same where drivers for GPUs are loaded and the image is larger.
        metal: The same for bare metal, whose firmware takes minutes.
        device_plugin: From a Ready node to its GPUs: pull and start of the device plugin, which tolerates every taint.
        agent: From a Ready node until a DaemonSet that is not listed takes the startup taint away that it names.
        container: From a pod's placement to its containers running: pull and start.
        startup: By key of a startup taint: from a Ready node until its owner takes it away.
        scale: Everything is multiplied by it: 1 as in the cloud, less for haste, 0 for none.
    """

    cpu: float = 40.0
    gpu: float = 75.0
    metal: float = 300.0
    device_plugin: float = 15.0
    agent: float = 15.0
    container: float = 5.0
    startup: Mapping[str, float] = field(default_factory=lambda: dict(OWNERS))
    scale: float = 1.0

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what `asdict` wrote; taints are added to the known ones.

        Raises:
            ValueError: A name is not known.
        """
        unknown = sorted(set(raw) - {each.name for each in fields(cls)})
        if unknown:
            raise ValueError(f"no such delay: {', '.join(unknown)}")
        return cls(**{**raw, "startup": {**OWNERS, **raw.get("startup", {})}})

    def boot(self, kind: InstanceType) -> timedelta:
        """From launch to Node, for a type."""
        seconds = self.metal if kind.get("BareMetal") else self.gpu if gpus(kind) else self.cpu
        return self.scaled(seconds)

    def untaint(self, key: str, *, named: bool) -> timedelta | None:
        """From Ready until a startup taint goes; none when nobody takes it away.

        Args:
            key: The taint's.
            named: Whether a DaemonSet names it.
        """
        if key in self.startup:
            return self.scaled(self.startup[key])
        return self.scaled(self.agent) if named else None

    def scaled(self, seconds: float) -> timedelta:
        """Modelled seconds as they pass here."""
        return timedelta(seconds=seconds * self.scale)
