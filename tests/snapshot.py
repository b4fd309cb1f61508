"""What a machine has that a program could leave behind: processes, mounts, namespaces, links, rules, sockets …

Run as `python -m tests.snapshot FILE` to keep it for later.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

import psutil

_SYSCTLS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/ipv4/ip_forward",
    "net/netfilter/nf_conntrack_max",
    "net/ipv4/conf/all/route_localnet",
)
_FOLDERS = (
    "/run",
    "/run/netns",
    "/var/lib",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log",
    "/var/log/pods",
    "/etc/cni",
)
_SETTLE_SECONDS = 15.0
MARK = "SLIPWAY_TESTS"
"""In the environment of whatever the tests start."""
_OURS = (MARK.encode(), b"SLIPWAY_RUNTIME")
"""By which a process is known as ours: other people work on this machine too, and theirs come and go. What clears its
environment, as containers do, is in namespaces of its own, and those are compared as well."""


@dataclass(frozen=True)
class Snapshot:
    """What there is at one moment. A process is its pid and command; everything else is a line that names it."""

    processes: frozenset[str]
    mounts: frozenset[str]
    namespaces: frozenset[str]
    links: frozenset[str]
    tables: frozenset[str]
    cgroups: frozenset[str]
    listeners: frozenset[str]
    settings: frozenset[str]
    folders: frozenset[str]

    @classmethod
    def take(cls) -> Self:
        """Look at the machine now."""
        return cls(
            processes=frozenset(_processes()),
            mounts=frozenset(Path("/proc/self/mounts").read_text().splitlines()),
            namespaces=frozenset(_namespaces()),
            links=frozenset(link["ifname"] for link in json.loads(_run("ip", "-json", "link"))),
            tables=frozenset(_tables()),
            cgroups=frozenset(_cgroups()),
            listeners=frozenset(_listeners()),
            settings=frozenset(_settings()),
            folders=frozenset(f"{folder}/{name}" for folder in _FOLDERS for name in _names(folder)),
        )

    def write(self, file: Path) -> None:
        """Keep it in a file."""
        file.write_text(json.dumps({kind: sorted(lines) for kind, lines in asdict(self).items()}))

    @classmethod
    def read(cls, file: Path) -> Self:
        """What `write` kept."""
        return cls(**{kind: frozenset(lines) for kind, lines in json.loads(file.read_text()).items()})

    def more_than(self, before: "Snapshot") -> dict[str, list[str]]:
        """What is there now and was not before, by kind."""
        return {
            kind.name: sorted(extra)
            for kind in fields(self)
            if (extra := getattr(self, kind.name) - getattr(before, kind.name))
        }


def settled_difference(before: Snapshot) -> dict[str, list[str]]:
    """What is more than before, once what is on its way out has had time to go."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        more = Snapshot.take().more_than(before)
        if not more or time.monotonic() > deadline:
            return more
        time.sleep(0.5)


def _processes() -> Iterator[str]:
    """Every process of ours but this one, those that it is run by, and those that it started."""
    this = psutil.Process()
    own = {each.pid for each in (this, *this.parents(), *this.children(recursive=True))}
    for process in psutil.process_iter(["pid", "cmdline"]):
        pid = process.info["pid"]
        if pid not in own and _is_ours(pid):
            yield f"{pid} {' '.join(process.info['cmdline'] or [])}"


def _is_ours(pid: int) -> bool:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(variable.partition(b"=")[0] in _OURS for variable in variables)


def _cgroups() -> Iterator[str]:
    """All but those beside our own, which whoever runs programs here makes and removes for each of them."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    beside = {str(Path(line.split(":", 2)[2]).parent) for line in lines} - {"/"}
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        if any(folder.endswith(parent) for parent in beside):
            names.clear()
        yield folder


def _namespaces() -> Iterator[str]:
    for pid in psutil.pids():
        for kind in ("net", "mnt", "pid"):
            try:
                yield str(Path(f"/proc/{pid}/ns/{kind}").readlink())
            except OSError:
                continue


def _listeners() -> Iterator[str]:
    for connection in psutil.net_connections(kind="inet"):
        listens = connection.status == psutil.CONN_LISTEN
        if connection.laddr and (listens or (connection.type == socket.SOCK_DGRAM and not connection.raddr)):
            yield f"{connection.laddr.ip}:{connection.laddr.port}"


def _settings() -> Iterator[str]:
    for name in _SYSCTLS:
        file = Path("/proc/sys") / name
        if file.exists():
            yield f"{name}={file.read_text().strip()}"


def _names(folder: str) -> list[str]:
    try:
        return [entry.name for entry in Path(folder).iterdir()]
    except OSError:
        return []


def _tables() -> list[str]:
    """Those of the packet filter; none where this user may not see them, who then can make none either."""
    if not _has("nft"):
        return []
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False)
    if done.returncode and "Operation not permitted" not in done.stderr:
        raise OSError(done.returncode, done.stderr)
    return done.stdout.splitlines()


def _has(program: str) -> bool:
    return any((Path(folder) / program).exists() for folder in os.environ["PATH"].split(os.pathsep))


def _run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    Snapshot.take().write(Path(sys.argv[1]))
