"""An instance that drills harm and heal, and the marks in it by which they see that nothing was lost."""

import os
import secrets
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from lightkube import Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

from slipway.answers import load_example
from slipway.embedded.cgroups import hierarchies
from slipway.embedded.instance import Instance
from slipway.embedded.modes import Mode
from slipway.embedded.processes.pods import PREFIX
from slipway.embedded.supervisor import launch
from slipway.paths import REPOSITORY
from tests.live import SLIPWAY, administrator, client_of, eventually, until
from tests.snapshot import Snapshot, settled_difference

SUPERVISOR = "supervisor"
PROCESSES = (
    "machine",
    "aws",
    "etcd",
    "kube-apiserver",
    "door",
    "kube-controller-manager",
    "kube-scheduler",
    "containerd",
    "coredns",
    "kube-proxy",
    "kubelet",
    SUPERVISOR,
)
"""Everything an instance runs, but for its pods."""
WITHOUT_A_NODE = (
    "aws",
    "etcd",
    "kube-apiserver",
    "door",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "runner",
    "envoy",
    "routing",
    SUPERVISOR,
)
"""The same of one in the mode `processes`."""
_BUCKET, _KEY, _NAME = "kept", "note", "kept"
_UP_SECONDS = 400
_SETTLE_SECONDS = 15.0
"""For the addresses of a service to be those of its pods again."""
BUSY = "SLIPWAY_DRILL_BUSY"
"""Set where others are at work on this machine."""


@dataclass
class Patient:
    """An instance of the local stack.

    Attributes:
        name: Its name.
        options: What `slipway up` is told besides.
        mark: What was put into it, to be found again.
    """

    name: str
    options: tuple[str, ...] = ()
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def instance(self) -> Instance:
        return Instance(self.name)

    # -- commands ------------------------------------------------------------------------------------------------

    def start(self, command: str) -> subprocess.Popen[str]:
        """Begin `slipway up` or `slipway down`, in a session of its own."""
        return subprocess.Popen(
            [str(SLIPWAY), command, "local", "--as", self.name, *(self.options if command == "up" else ())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=REPOSITORY,
            start_new_session=True,
        )

    def run(self, command: str) -> str:
        """Run `slipway up` or `slipway down` to a good end."""
        process = self.start(command)
        said, _ = process.communicate(timeout=_UP_SECONDS)
        assert process.returncode == 0, said[-3000:]
        return said

    # -- marks ---------------------------------------------------------------------------------------------------

    def remember(self) -> None:
        """Put an object into S3 and a ConfigMap into the cluster."""
        s3 = self.aws("s3")
        s3.create_bucket(Bucket=_BUCKET)
        s3.put_object(Bucket=_BUCKET, Key=_KEY, Body=self.mark.encode())
        with self.kubernetes() as client:
            client.apply(ConfigMap(metadata=ObjectMeta(name=_NAME), data={_NAME: self.mark}), field_manager="drill")

    def assert_well(self) -> None:
        """All processes run, what was put in is there, and the model answers its example."""
        self.assert_answers()
        assert self.aws("s3").get_object(Bucket=_BUCKET, Key=_KEY)["Body"].read() == self.mark.encode()
        with self.kubernetes() as client:
            assert client.get(ConfigMap, _NAME, namespace="default").data == {_NAME: self.mark}

    def assert_answers(self) -> None:
        """All processes run, and the model answers its example."""
        expected = WITHOUT_A_NODE if self.instance.mode is Mode.PROCESSES else PROCESSES
        assert {name for name in self.pids() if not name.startswith(PREFIX)} == set(expected)
        # Where the whole machine was lost, a connection or two may still end at a pod that kubelet then makes anew.
        assert eventually(self._is_answering, _SETTLE_SECONDS)

    def _is_answering(self) -> bool:
        try:
            return predict(self.instance)
        except httpx.TransportError:
            return False

    def aws(self, service: str) -> Any:
        """A client of the instance's endpoint."""
        return client_of(self.instance, service, "us-east-1")

    def kubernetes(self) -> Client:
        """A client of the instance's API server."""
        return administrator(self.instance)

    # -- harm ----------------------------------------------------------------------------------------------------

    def pids(self) -> dict[str, int]:
        """The pids of everything that runs for the instance but its pods."""
        found = {status.name: status.pid for status in self.instance.supervisor.processes() if status.pid}
        own = self.instance.supervisor.pid()
        return found | ({SUPERVISOR: own} if own else {})

    def pod_pids(self) -> set[int]:
        """The pids of the processes in the instance's pods."""
        return {
            int(pid)
            for root, _ in hierarchies()
            for file in root.joinpath(self.instance.cgroup.strip("/")).glob("**/pod*/**/cgroup.procs")
            for pid in file.read_text().split()
            if pid != "0"
        }

    def reboot(self) -> None:
        """End everything at once and take away what a reboot takes away; what is on the disk stays."""
        pids = [*self.pids().values(), *self.pod_pids()]
        for pid in sorted(pids):
            kill(pid)
        until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids), "processes to end")
        for file in self.instance.runtime.iterdir():
            file.unlink()
        self.instance.runtime.rmdir()


def left_by(patient: Patient, before: Snapshot) -> dict[str, list[str]]:
    """What a machine has more than before, once an instance is gone from it.

    On a machine where others are at work (`SLIPWAY_DRILL_BUSY`), only what carries the instance's name counts.
    """
    more = settled_difference(before) if not os.environ.get(BUSY) else Snapshot.take().more_than(before)
    if os.environ.get(BUSY):
        more = {kind: [line for line in lines if patient.name in line] for kind, lines in more.items()}
        more["processes"] = [str(pid) for pid in launch.marked(patient.instance.runtime)]
    return {kind: lines for kind, lines in more.items() if lines}


def predict(instance: Instance, model: str = "digits") -> bool:
    """Whether a model answers its example rightly."""
    example = load_example(model)
    assert example is not None
    url = f"http://127.0.0.1:{instance.model_ports()[model]}{example['path']}"
    reply = httpx.post(url, json=example["request"], timeout=10, trust_env=False)
    reply.raise_for_status()
    said = reply.json()
    return all(said[key] == value for key, value in example["answer"].items())


def kill(pid: int) -> None:
    """Kill a process; one that is gone is fine."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
