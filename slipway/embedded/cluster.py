"""Brings the cluster of an instance up, phase by phase, and takes it down. Every phase can be repeated."""

import contextlib
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightkube import ApiError, Client
from lightkube.codecs import load_all_yaml
from lightkube.resources.core_v1 import Node, ServiceAccount

from infra.traffic import GATEWAY_NAMESPACE, GATEWAY_SERVICE
from slipway.embedded import cgroups, charts, node, oci
from slipway.embedded.aws import endpoint
from slipway.embedded.fleet import processes as fleet
from slipway.embedded.fleet.delays import Delays
from slipway.embedded.instance import (
    BRIDGE,
    BRIDGE_ADDRESS,
    CLUSTER_DOMAIN,
    GATEWAY,
    POD_CIDR,
)
from slipway.embedded.machine import Layout
from slipway.embedded.plane import Plane, forwards
from slipway.embedded.supervisor.spec import Place, ProcessSpec
from slipway.engines.entries import Command
from slipway.errors import CommandError, InstanceError
from slipway.progress import Phase
from slipway.running import run

_NODE_SECONDS = 120.0
_CONTAINERD_SECONDS = 30.0
_RBAC = Path(__file__).parent / "manifests" / "coredns.yaml"


@dataclass(frozen=True, kw_only=True)
class Bought:
    """What a stack's bought nodes need on this machine.

    Attributes:
        cluster: The EKS cluster's name, by which instances say that they are of it.
        region: The AWS region.
        prices: What capacity costs there (`slipway.embedded.aws.fidelity.prices`).
        delays: Modelled times of booting and the like.
    """

    cluster: str
    region: str
    prices: Mapping[str, Any]
    delays: Delays = field(default_factory=Delays)


class Cluster(Plane):
    """The processes of one instance with a real node, as a cluster.

    Args:
        instance: Which one.
        programs: What to run it with.
        progress: Where phases are told.
    """

    def up(
        self,
        models: list[str],
        *,
        context: str,
        account: str,
        namespace: str,
        bought: Bought | None = None,
        gateway: int = 0,
        caches: bool = False,
        scales: bool = False,
    ) -> None:
        """Bring the cluster up, or back up: what runs as it should is not touched.

        Args:
            models: Names of the models that get a port on this machine.
            context: What the kubeconfig calls the cluster: the name by which the stack file means it.
            account: The AWS account of the endpoint.
            namespace: Where the models are in the cluster.
            bought: What the stack's own nodes need, where it buys any.
            gateway: Where the gateway's Service listens, which gets a port on this machine; 0 without a gateway.
            caches: Whether there is a cache that models share.
            scales: Whether models scale, which takes programs in the cluster.
        """
        self._folders()
        with self.progress.phase("namespaces and network"):
            self.instance.supervisor.ensure()
            self._machine()
        ports = self._keys(models, context=context, gateway=bool(gateway))
        self._endpoint(account, ports)
        with self.progress.phase("control plane") as phase:
            self._control_plane(phase, self._door(ports, gateway, namespace))
        with self.progress.phase("node") as phase:
            self._node(phase, bought)
        if bought is not None:
            with self.progress.phase("bought nodes"):
                endpoint.tell_prices(f"http://127.0.0.1:{ports['aws']}", bought.prices)
                self._bought(bought)
        if gateway:
            with self.progress.phase("images of the gateway"):
                self._images("gateway")
        if caches:
            with self.progress.phase("image of the cache"):
                self._images("cache")
        if scales:
            with self.progress.phase("images of what scales models"):
                self._images("serving")

    def start(self, spec: ProcessSpec) -> bool:
        """Have the supervisor run a process where its spec says."""
        return self.instance.supervisor.start(spec)

    # -- phases --------------------------------------------------------------------------------------------------

    def _machine(self) -> None:
        instance = self.instance
        cgroups.create(instance.cgroup)
        layout = instance.etc / "machine.json"
        scratch = instance.folder / "machine"
        scratch.mkdir(exist_ok=True)
        prefix = POD_CIDR.partition("/")[2]
        Layout(
            scratch=str(scratch),
            bridge=BRIDGE,
            address=f"{BRIDGE_ADDRESS}/{prefix}",
            resolv_conf=node.resolv_conf(),
            extra={
                "/var/lib": {name: str(instance.node / f"var-lib-{name}") for name in ("cni", "kubelet")},
                "/var/log": {name: str(instance.logs / name) for name in ("pods", "containers")},
            },
        ).write(layout)
        spec = ProcessSpec(
            name="machine",
            argv=[sys.executable, "-m", "slipway.embedded.machine", str(layout)],
            place=Place.MACHINE,
            tells_ready=True,
        )
        self.start(spec)

    def _bought(self, bought: Bought) -> None:
        """What keeps the Nodes that are bought, and the images of the programs that buy them."""
        start = self.start
        start(fleet.kwok(self.instance, self.programs.path("kwok"), delays=bought.delays))
        start(fleet.fleet(self.instance, cluster=bought.cluster, region=bought.region, delays=bought.delays))
        self._images("capacity")

    def _images(self, needed_by: Command) -> None:
        for image in charts.images(self.programs, needed_by):
            self.import_image(image.archive, image.name)

    def _node(self, phase: Phase, bought: Bought | None) -> None:
        instance, start = self.instance, self.start
        phase.note("containerd")
        start(
            node.containerd(
                instance,
                self.programs.path("containerd"),
                shim=self.programs.path("containerd-shim-runc-v2"),
                runc=self.programs.path("runc"),
                cni=self.programs.path("bridge").parent,
            )
        )
        self._pause_image()
        phase.note("DNS and Services")
        with self.client() as client:
            for item in load_all_yaml(_RBAC.read_text()):
                client.apply(item, field_manager="slipway", force=True)
        start(node.coredns(instance, self.programs.path("coredns")))
        start(node.kube_proxy(instance, self.programs.path("kube-proxy"), nft=self.programs.path("nft")))
        phase.note("kubelet")
        begun = datetime.now(UTC)
        fresh = start(node.kubelet(instance, self.programs.path("kubelet"), region=bought.region if bought else ""))
        self._controllers_answer("http://127.0.0.1:10256/healthz", f"http://{node.DNS_READY}/ready")
        phase.note("Node to be Ready")
        with self.client() as client:
            self._node_ready(client, since=begun if fresh else None)
        phase.detail = ""

    def _door(self, ports: dict[str, int], gateway: int, namespace: str) -> ProcessSpec:
        targets = forwards(self.instance, ports)
        if gateway:
            targets.append(f"{ports[GATEWAY]}={GATEWAY_SERVICE}.{GATEWAY_NAMESPACE}.svc.{CLUSTER_DOMAIN}:{gateway}")
        models = self.instance.model_ports()
        targets += [f"{port}={name}.{namespace}.svc.{CLUSTER_DOMAIN}:80" for name, port in models.items()]
        return ProcessSpec(
            name="door",
            argv=[sys.executable, "-m", "slipway.embedded.door", *targets],
            place=Place.DOOR,
            tells_ready=True,
        )

    # -- tools ---------------------------------------------------------------------------------------------------

    def inside(self, *argv: str | Path, timeout: float = 300.0) -> str:
        """Run a program to its end in the instance's namespaces.

        Raises:
            InstanceError: The instance does not run.
            CommandError: The program failed.
        """
        machine = self.instance.supervisor.process("machine")
        if machine is None or not machine.pid:
            msg = f"the instance {self.instance.name} does not run"
            raise InstanceError(msg, remedy=f"run `slipway up {self.instance.arguments}`")
        namespaces = ("--target", str(machine.pid), "--mount", "--net", "--pid", "--wd=/")
        return run([self.programs.path("nsenter"), *namespaces, "--", *argv], timeout=timeout)

    def _wait(self, *arguments: str) -> None:
        try:
            self.inside(sys.executable, "-m", "slipway.embedded.probe", *arguments)
        except CommandError as error:
            self._unhealthy(error.output)

    def _pause_image(self) -> None:
        program = self.programs.path("pause")
        archive = program.with_suffix(".oci.tar")
        if not archive.exists():
            oci.write_archive(archive, name=node.PAUSE_IMAGE, program=program)
        deadline = time.monotonic() + _CONTAINERD_SECONDS
        while True:
            try:
                self.import_image(archive, node.PAUSE_IMAGE)
                return
            except CommandError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def import_image(self, archive: Path, name: str) -> bool:
        """Give the node an image, unless it has it; returns whether it was imported.

        Args:
            archive: An OCI archive.
            name: The name pods use: with a tag, or with the digest.
        """
        if name in self._ctr("images", "list", "--quiet").split():
            return False
        repository = name.partition("@")[0]
        by_digest = ("--digests", f"--base-name={repository}") if "@" in name else ()
        self._ctr("images", "import", *by_digest, archive)
        # kubelet collects images that no container uses; these cannot be pulled again.
        self._ctr("images", "label", name, "io.cri-containerd.pinned=pinned")
        return True

    def _ctr(self, *arguments: str | Path) -> str:
        base = (self.programs.path("ctr"), "--address", node.CONTAINERD_SOCKET, "--namespace", "k8s.io")
        return self.inside(*base, *arguments)

    def _node_ready(self, client: Client, *, since: datetime | None) -> None:
        """Wait for the Node; where `since` is given, for what its kubelet says later than that."""
        deadline = time.monotonic() + _NODE_SECONDS
        reason = "it has not registered"
        while time.monotonic() < deadline:
            with contextlib.suppress(ApiError):
                status = client.get(Node, self.instance.node_name).status
                conditions = {c.type: c for c in (status.conditions or [])} if status else {}
                ready = conditions.get("Ready")
                if ready is not None and ready.status == "True" and _is_later(ready.lastHeartbeatTime, since):
                    client.get(ServiceAccount, "default", namespace="default")
                    return
                if ready is not None:
                    reason = ready.message or ready.reason or reason
            time.sleep(0.2)
        msg = f"the node is not Ready after {_NODE_SECONDS:.0f} s: {reason}"
        raise InstanceError(msg, remedy=f"look at {self.instance.logs / 'kubelet.log'}")


def _is_later(heartbeat: datetime | None, since: datetime | None) -> bool:
    """Whether a condition is of this kubelet's life; Kubernetes tells whole seconds."""
    return since is None or (heartbeat is not None and heartbeat >= since.replace(microsecond=0))
