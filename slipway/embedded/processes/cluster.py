"""Brings an instance up as ordinary processes, phase by phase. Every phase can be repeated."""

import fcntl
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import cast

from lightkube.resources.core_v1 import Node, NodeStatus
from lightkube.types import PatchType

from slipway.embedded.instance import GATEWAY
from slipway.embedded.plane import Plane, forwards
from slipway.embedded.processes import gateway as envoy
from slipway.embedded.processes import node
from slipway.embedded.processes.pods import Unpacked
from slipway.embedded.supervisor.spec import ProcessSpec
from slipway.files import write


class ProcessCluster(Plane):
    """The processes of one instance that has no namespaces, as a cluster."""

    def up(self, models: list[str], *, context: str, account: str, region: str = "", gateway: int = 0) -> None:
        """Bring the cluster up, or back up: what runs as it should is not touched.

        Args:
            models: Names of the models that get a port on this machine.
            context: What the kubeconfig calls the cluster: the name by which the stack file means it.
            account: The AWS account of the endpoint.
            region: The AWS region that the stack means, where it means one.
            gateway: Where the gateway's Service listens, which gets a port on this machine; 0 without a gateway.
        """
        self._folders()
        self.instance.supervisor.ensure()
        ports = self._keys(models, context=context, gateway=bool(gateway))
        self._endpoint(account, ports)
        with self.progress.phase("control plane") as phase:
            self._control_plane(phase, self._door(ports, gateway))
            self._controllers_answer()
        with self.progress.phase("node, simulated"):
            self._node(region)
        if gateway:
            with self.progress.phase("gateway"):
                self.start(envoy.envoy(self.instance, self.programs.path("envoy")))
                self.start(envoy.routing(self.instance, self.programs.path("slipway-routes")))

    def deliver(self, builds: Sequence[Unpacked]) -> None:
        """Let the runner know of what stands for images, besides what it knows."""
        file = node.images(self.instance)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another `slipway build` may have something to deliver, too
            known = {each["image"]: each for each in (json.loads(file.read_text()) if file.exists() else [])}
            for build in builds:
                known[build.image] = {each.name: getattr(build, each.name) for each in fields(Unpacked)}
            write(file, json.dumps(list(known.values()), indent=1))

    def _node(self, region: str) -> None:
        manifest = node.manifest(self.instance, region)
        with self.client() as client:
            client.apply(cast("Node", Node.from_dict(manifest)), field_manager="slipway", force=True)
            status = {"status": manifest["status"]}
            client.patch(NodeStatus, self.instance.node_name, status, patch_type=PatchType.MERGE)
        self.start(node.kwok(self.instance, self.programs.path("kwok")))
        self.start(node.runner(self.instance))

    def _door(self, ports: dict[str, int], gateway: int) -> ProcessSpec:
        targets = forwards(self.instance, ports)
        if gateway:
            targets.append(f"{ports[GATEWAY]}={self.instance.address}:{envoy.port(gateway)}")
        models = self.instance.model_ports()
        targets += [f"{port}={name}@{node.services(self.instance)}" for name, port in models.items()]
        argv = [sys.executable, "-m", "slipway.embedded.door", "--here", *targets]
        return ProcessSpec(name="door", argv=argv, tells_ready=True)
