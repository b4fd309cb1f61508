"""What every mode of an instance has in common: its folders, its keys, the AWS endpoint, and how it ends."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

from lightkube import Client, KubeConfig

from slipway.embedded import cgroups, controlplane, pki
from slipway.embedded.aws import endpoint
from slipway.embedded.instance import API_PORT, AWS_PORT, Instance
from slipway.embedded.supervisor import launch
from slipway.embedded.supervisor.spec import Place, ProcessSpec
from slipway.engines.locate import Programs
from slipway.errors import InstanceError
from slipway.progress import Phase, Progress

_PROBE_SECONDS = 300.0


class Plane:
    """The processes of an instance that has no namespaces, and what others do besides.

    Args:
        instance: Which one.
        programs: What to run it with.
        progress: Where phases are told.
    """

    def __init__(self, instance: Instance, programs: Programs, progress: Progress) -> None:
        self.instance = instance
        self.programs = programs
        self.progress = progress

    def down(self) -> None:
        """End every process of the instance and remove everything it left on this machine.

        Raises:
            InstanceError: A process could not be ended.
        """
        instance = self.instance
        with self.progress.phase("processes"):
            instance.supervisor.ensure()  # takes over what a dead one left, so that all is ended in order
            instance.supervisor.shutdown()
            self._end_strays()
        with self.progress.phase("cgroups and files"):
            left = cgroups.remove(instance.cgroup)
            if left:
                msg = f"processes are left in {', '.join(map(str, left))}"
                raise InstanceError(msg, remedy=f"run `slipway down {instance.arguments}` again")
            instance.forget()

    def client(self) -> Client:
        """The Kubernetes API as administrator, through the door."""
        return Client(config=KubeConfig.from_file(str(self.instance.kubeconfig)), trust_env=False)

    def start(self, spec: ProcessSpec) -> bool:
        """Have the supervisor run a process where this instance's processes are."""
        return self.instance.supervisor.start(replace(spec, place=Place.HOST))

    # -- phases --------------------------------------------------------------------------------------------------

    def _folders(self) -> None:
        for folder in (self.instance.folder, self.instance.etc, self.instance.node, self.instance.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _keys(self, models: list[str], *, context: str, gateway: bool) -> dict[str, int]:
        """Keys, certificates, kubeconfigs, and the ports on this machine, which are returned."""
        with self.progress.phase("keys and certificates"):
            kubeadm = self.programs.found("kubeadm")
            pki.ensure(self.instance, kubeadm=kubeadm.path, version=kubeadm.version)
            ports = self.instance.assign_ports(models, gateway=gateway)
            pki.write_kubeconfig(self.instance, port=ports["api"], context=context)
        return ports

    def _endpoint(self, account: str, ports: dict[str, int]) -> None:
        with self.progress.phase("AWS endpoint"):
            self.start(endpoint.process(self.instance, account, api_port=ports["api"]))

    def _control_plane(self, phase: Phase, door: ProcessSpec) -> None:
        instance = self.instance
        certificates = instance.pki / "etcd" / "healthcheck-client"
        client = ("--cert", f"{certificates}.crt", f"{certificates}.key")
        phase.note("etcd")
        self.start(controlplane.etcd(instance, self.programs.path("etcd")))
        self._wait(f"{controlplane.etcd_url(instance)}/health", *client)
        phase.note("API server")
        self.start(controlplane.apiserver(instance, self.programs.path("kube-apiserver")))
        self.start(door)
        admin = instance.pki / "apiserver-kubelet-client"
        self._wait(f"https://{instance.address}:{API_PORT}/readyz", "--cert", f"{admin}.crt", f"{admin}.key")
        phase.note("controllers and scheduler")
        self.start(controlplane.controller_manager(instance, self.programs.path("kube-controller-manager")))
        self.start(controlplane.scheduler(instance, self.programs.path("kube-scheduler")))
        phase.detail = ""

    def _controllers_answer(self, *urls: str) -> None:
        """Wait until everything of the control plane, and what else is named, says that it is well."""
        instance = self.instance
        self._wait(
            f"https://{instance.loopback}:10257/healthz",
            f"https://{instance.loopback}:10259/healthz",
            f"http://{instance.address}:{AWS_PORT}{endpoint.HEALTH}",
            *urls,
        )

    # -- tools ---------------------------------------------------------------------------------------------------

    def _wait(self, *arguments: str) -> None:
        argv = [sys.executable, "-m", "slipway.embedded.probe", *arguments]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
        )
        if done.returncode:
            self._unhealthy(done.stderr)

    def _unhealthy(self, said: str) -> None:
        msg = f"part of the cluster did not become healthy: {said.strip()}"
        raise InstanceError(msg, remedy=f"look at the logs in {self.instance.logs}")

    def _end_strays(self) -> None:
        """End what carries the instance's mark and was in nobody's care: kills at bad moments can leave such."""
        for pid in launch.marked(self.instance.runtime):
            started = launch.identity(pid)
            if started is not None and pid != os.getpid():
                launch.signal_if_same(pid, started, signal.SIGKILL)


def forwards(instance: Instance, ports: dict[str, int]) -> list[str]:
    """What the door of every mode opens: the API server and the AWS endpoint."""
    return [f"{ports['api']}={instance.address}:{API_PORT}", f"{ports['aws']}={instance.address}:{AWS_PORT}"]
