"""An instance of the embedded environment: its name, its folders, its addresses, its ports on the machine."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from slipway import paths
from slipway.embedded.modes import Mode
from slipway.embedded.supervisor.client import SupervisorClient
from slipway.errors import InstanceError
from slipway.files import write

BRIDGE = "slipway0"
BRIDGE_ADDRESS = "10.88.0.1"
"""The node's address, on the pod bridge. Every instance has the same: each is alone in its network namespace."""
POD_CIDR = "10.88.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
CLUSTER_DOMAIN = "cluster.local"
API_PORT = 6443
AWS_PORT = 5000

GATEWAY = "gateway"
"""The name of the gateway's port."""
_FIRST_PORT = {"api": 16443, "aws": 15000, GATEWAY: 18000}
"""What the instance itself offers on the machine."""
_MODEL = "model:"
"""Before the name of a model, whose port it is."""
_FIRST_MODEL_PORT = 18080
_NETWORKS = range(16, 240)
"""Of the loopback's 127.0.0.0/8, the second number of an instance without a network of its own; low ones are taken by
resolvers and the like (127.0.0.53, 127.0.1.1)."""


@dataclass(frozen=True)
class Instance:
    """One embedded environment on this machine.

    Attributes:
        name: A DNS label of at most 20 characters.
    """

    name: str

    def __post_init__(self) -> None:
        """Refuse names that would not do as part of host names, paths and sockets."""
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?", self.name):
            msg = f"{self.name!r} cannot name an instance"
            raise InstanceError(
                msg, remedy="use at most 20 lower-case letters, digits and dashes, beginning with a letter"
            )

    @property
    def folder(self) -> Path:
        """Everything the instance keeps; gone after `down`."""
        return paths.state() / "instances" / self.name

    @property
    def runtime(self) -> Path:
        """Its supervisor's socket and record of processes."""
        return paths.runtime() / self.name

    @property
    def pki(self) -> Path:
        """Keys and certificates of the cluster."""
        return self.folder / "pki"

    @property
    def etc(self) -> Path:
        """Configuration files of its programs."""
        return self.folder / "etc"

    @property
    def node(self) -> Path:
        """What the node's programs keep: images, containers, volumes."""
        return self.folder / "node"

    @property
    def logs(self) -> Path:
        """Output of its programs, one file each."""
        return self.folder / "logs"

    @property
    def kubeconfig(self) -> Path:
        """Administrator's access from this machine; its context is called what the stack file calls the cluster."""
        return self.folder / "kubeconfig"

    @property
    def node_name(self) -> str:
        """Name of its one real Node."""
        return f"{self.name}-node"

    @property
    def mode(self) -> Mode:
        """How it is on this machine, as its last `up` settled."""
        return Mode(self._recorded("mode") or Mode.NODE)

    @property
    def stack(self) -> str:
        """The stack it is that of; its own name before the first `up`."""
        return self._recorded("stack") or self.name

    @property
    def checkout(self) -> str:
        """Path of the checkout it is that of; empty before the first `up`."""
        return self._recorded("checkout")

    @property
    def mark(self) -> str:
        """What no other instance has, of whatever name or user: by it, its objects are known in a cluster of others."""
        return self._recorded("mark")

    @property
    def builds(self) -> Path:
        """The lock of images that were pushed for a cluster of others."""
        return self.folder / "built.json"

    @property
    def settled(self) -> bool:
        """Whether an `up` has settled its mode."""
        return (self.folder / "mode").exists()

    @property
    def network(self) -> str:
        """How its addresses on the loopback begin, such as `127.77`; empty where it has a network of its own."""
        return self._recorded("network")

    @property
    def address(self) -> str:
        """Where its API server and its AWS endpoint listen."""
        return f"{self.network}.0.1" if self.network else BRIDGE_ADDRESS

    @property
    def loopback(self) -> str:
        """Where its programs listen for each other alone."""
        return f"{self.network}.0.1" if self.network else "127.0.0.1"

    @property
    def is_up(self) -> bool:
        """Whether its processes run; some of them may be being started again."""
        endpoint = self.supervisor.process("aws")
        return endpoint is not None and bool(endpoint.pid)

    @property
    def cgroup(self) -> str:
        """The cgroup below which all its pods run, in every hierarchy."""
        return f"/slipway/{self.name}"

    @property
    def supervisor(self) -> SupervisorClient:
        """Its supervisor, which may not be running."""
        return SupervisorClient(instance=self.name, runtime=self.runtime, logs=self.logs)

    @property
    def account(self) -> str:
        """The AWS account that the endpoint is, unless the stack file names one: twelve digits of its own."""
        return f"{int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:8]) % 10**12:012d}"

    def exists(self) -> bool:
        """Whether anything of it is left on this machine."""
        return any(folder.exists() for folder in (self.folder, self.runtime, self._trash))

    @property
    def arguments(self) -> str:
        """What a command is told to mean this instance: `STACK`, or `STACK --as NAME`."""
        return self.stack if self.stack == self.name else f"{self.stack} --as {self.name}"

    def _recorded(self, what: str) -> str:
        """What an `up` has settled once; empty before."""
        record = self.folder / what
        return record.read_text() if record.exists() else ""

    @contextmanager
    def exclusively(self, what: str) -> Iterator[None]:
        """Hold the instance for one command at a time.

        Raises:
            InstanceError: Another command holds it, or it is another user's; the message says which.
        """
        self.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.runtime / "lock").open("a+") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                handle.seek(0)
                msg = f"{handle.read().strip() or 'another command'} is at work on the instance {self.name}"
                raise InstanceError(msg, remedy="wait for it to end, then run this again") from error
            handle.truncate(0)
            handle.write(f"`slipway {what}` (pid {os.getpid()})")
            handle.flush()
            home = self.runtime / "home"
            if home.exists() and Path(home.read_text()) != self.folder:
                msg = f"the instance {self.name} is kept in {home.read_text()}, by another user or under another HOME"
                raise InstanceError(
                    msg, remedy="use the same HOME (or XDG_STATE_HOME) as then, or another name (`--as`)"
                )
            write(home, str(self.folder))
            yield

    def claim(self, checkout: Path, stack: str) -> None:
        """Make the instance that of a checkout and a stack, or see that it is.

        Raises:
            InstanceError: It is that of another one.
        """
        for record, mine, what in (("checkout", str(checkout), "the checkout in"), ("stack", stack, "the stack")):
            file = self.folder / record
            if file.exists() and file.read_text() != mine:
                msg = f"the instance {self.name} is that of {what} {file.read_text()}"
                remedy = (
                    f"give this one another name (`slipway up {stack} --as NAME`), "
                    f"or remove that one with `slipway down {self.arguments}`"
                )
                raise InstanceError(msg, remedy=remedy)
            write(file, mine)
        if not self.mark:
            write(self.folder / "mark", secrets.token_hex(8))

    def settle(self, mode: Mode) -> None:
        """Keep the mode, and give an instance without a network of its own a part of the loopback.

        Raises:
            InstanceError: It is up in another mode, or no part of the loopback is free.
        """
        if self.settled and self.mode is not mode:
            msg = f"the instance {self.name} is in the mode `{self.mode}`, and `{mode}` is asked for"
            raise InstanceError(msg, remedy=f"run `slipway down {self.arguments}` first, or leave its mode as it is")
        write(self.folder / "mode", mode)
        if mode is not Mode.NODE and not self.network:
            write(self.folder / "network", self._free_network())

    def _free_network(self) -> str:
        first = int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:4])
        taken = {other.network for other in instances() if other != self}
        for step in range(len(_NETWORKS)):
            network = f"127.{_NETWORKS[(first + step) % len(_NETWORKS)]}"
            # Another user's instances are not seen; where one listens, this one cannot.
            if network not in taken and is_free(API_PORT, f"{network}.0.1") and is_free(AWS_PORT, f"{network}.0.1"):
                return network
        msg = "no part of the loopback is free for another instance"
        raise InstanceError(msg, remedy="run `slipway down --all`")

    def forget(self) -> None:
        """Remove the folders of an instance that is down, and those that held nothing else.

        What it keeps goes in one step: half of it would be worse than all or nothing, should this be interrupted.
        """
        self._sweep()
        if self.folder.exists():
            self._trash.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.rename(self._trash)
        if self.runtime.exists():
            shutil.rmtree(self.runtime, onerror=_unless_gone)
        self._sweep()
        for folder in (self.folder.parent, self._trash.parent, paths.state(), paths.runtime()):
            with contextlib.suppress(OSError):
                folder.rmdir()

    @property
    def _trash(self) -> Path:
        return paths.state() / "removing" / self.name

    def _sweep(self) -> None:
        if self._trash.exists():
            shutil.rmtree(self._trash, onerror=_unless_gone)  # another `down` may be at the same

    # -- ports ---------------------------------------------------------------------------------------------------

    def ports(self) -> dict[str, int]:
        """Ports on the machine's loopback, by what a person finds there: `api`, `aws`, `model:digits`."""
        file = self.folder / "ports.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def model_ports(self) -> dict[str, int]:
        """The ports of models alone."""
        ports = self.ports()
        return {name.removeprefix(_MODEL): port for name, port in ports.items() if name.startswith(_MODEL)}

    def assign_ports(self, models: list[str], *, gateway: bool = False, api: int = 0) -> dict[str, int]:
        """Give the API server, the AWS endpoint, the gateway and every model a port; one given before is kept.

        Args:
            models: Names of the models.
            gateway: Whether there is one.
            api: Where an API server of others answers, which takes the place of one of this instance.

        Raises:
            InstanceError: A port given before is held by another program now.
        """
        before = self.ports()
        door = self.supervisor.process("door")
        ours = set(before.values()) if door is not None and door.pid else set()
        taken = set(before.values()) | _ports_of_others(self)
        ports = {"api": api} if api else {}
        for name in (
            *(() if api else ("api",)),
            "aws",
            *([GATEWAY] if gateway else []),
            *(f"{_MODEL}{model}" for model in models),
        ):
            port = before.get(name)
            if port is None:
                port = _FIRST_PORT.get(name, _FIRST_MODEL_PORT)
                while port in taken or not is_free(port):
                    port += 1
                taken.add(port)
            elif port not in ours and not is_free(port):
                msg = f"127.0.0.1:{port}, the port of {name}, is held by {holder(port)}"
                raise InstanceError(
                    msg, remedy=f"end that program, or run `slipway down {self.arguments}` to be given another port"
                )
            ports[name] = port
        write(self.folder / "ports.json", json.dumps(ports))
        return ports


def instances() -> list[Instance]:
    """Every instance of which something is left on this machine."""
    names: set[str] = set()
    for root in (paths.state() / "instances", paths.state() / "removing", paths.runtime()):
        if root.exists():
            names |= {folder.name for folder in root.iterdir() if folder.is_dir()}
    return [Instance(name) for name in sorted(names)]


def _ports_of_others(instance: Instance) -> set[int]:
    return {port for other in instances() if other != instance for port in other.ports().values()}


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port of the loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on a port, in words."""
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                break
            return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return "another program"


def _unless_gone(_function: object, _path: object, raised: tuple[type[BaseException], BaseException, object]) -> None:
    """What is gone already need not be removed."""
    if not isinstance(raised[1], FileNotFoundError):
        raise raised[1]
