"""The first process of an instance: it makes the instance's mounts and network, then does nothing for ever.

The supervisor starts it as process 1 of a new PID namespace. Its namespaces are the instance: whatever runs there
ends when this process ends, and the mounts, links and packet filter tables made there go with them.
Run as `python -m slipway.embedded.machine FILE`, where FILE holds a `Layout` as JSON.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from slipway.embedded.kernel import Mount, Namespace, mount, unshare
from slipway.files import write

READY_FD = "SLIPWAY_READY_FD"
"""Environment variable naming the pipe on which readiness is told."""

KUBELET_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What kubelet wants machine-wide (pkg/kubelet/cm `setupKernelTunables`). It is shown files that say so, because
the real settings belong to the machine and must stay as they are."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the instance's namespaces contain.

    Attributes:
        scratch: A folder of the instance for files that are bound over others.
        bridge: Name of the pod bridge.
        address: The bridge's address with its prefix, such as `10.88.0.1/16`.
        resolv_conf: Content of `/etc/resolv.conf` in the instance.
        extra: Folders that are seen below folders of the machine: `{"/var/lib": {"cni": "/instance/cni"}}`.
        sysctls: Shadowed settings under `/proc/sys`.
    """

    scratch: str
    bridge: str
    address: str
    resolv_conf: str
    extra: dict[str, dict[str, str]] = field(default_factory=dict)
    sysctls: dict[str, str] = field(default_factory=lambda: dict(KUBELET_SYSCTLS))

    def write(self, file: Path) -> None:
        """Write the layout where the machine reads it."""
        write(file, json.dumps(asdict(self), indent=1))


def mounts(layout: Layout) -> None:
    """Give this mount namespace its own `/run`, `/proc`, resolver, and places for what the node writes."""
    # Nothing made here may reach the machine, yet pods may share mounts with the node: private first, then shared.
    mount("", "/", flags=Mount.REC | Mount.PRIVATE)
    mount("", "/", flags=Mount.REC | Mount.SHARED)
    mount("proc", "/proc", "proc", Mount.NOSUID | Mount.NODEV | Mount.NOEXEC)
    scratch = Path(layout.scratch)
    resolver = scratch / "resolv.conf"
    resolver.write_text(layout.resolv_conf)
    target = Path("/etc/resolv.conf").resolve()
    mount("tmpfs", "/run", "tmpfs", Mount.NOSUID | Mount.NODEV, "mode=755")
    Path("/run/netns").mkdir()
    if not target.exists():  # systemd-resolved: a link into /run
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(str(resolver), str(target), flags=Mount.BIND)
    for folder, extra in layout.extra.items():
        _extend(Path(folder), extra)
    for name, value in layout.sysctls.items():
        shadow = scratch / name.replace("/", ".")
        shadow.write_text(f"{value}\n")
        mount(str(shadow), f"/proc/sys/{name}", flags=Mount.BIND)


def _extend(folder: Path, extra: dict[str, str]) -> None:
    """Show `extra` folders below `folder` without making anything in the real one."""
    real = Path("/run/machine") / str(folder).strip("/").replace("/", ".")
    real.mkdir(parents=True)
    mount(str(folder), str(real), flags=Mount.BIND | Mount.REC)
    mount("tmpfs", str(folder), "tmpfs", Mount.NOSUID | Mount.NODEV, "mode=755")
    for entry in real.iterdir():
        seen = folder / entry.name
        if entry.is_symlink():
            seen.symlink_to(entry.readlink())
        elif entry.name not in extra:
            if entry.is_dir():
                seen.mkdir()
            else:
                seen.touch()
            mount(str(entry), str(seen), flags=Mount.BIND | Mount.REC)
    for name, source in extra.items():
        Path(source).mkdir(parents=True, exist_ok=True)
        (folder / name).mkdir()
        mount(source, str(folder / name), flags=Mount.BIND)


def network(layout: Layout) -> None:
    """Bring up loopback and the pod bridge; everything that is not the machine itself goes to the bridge."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    # The host keeps its own resolver, firewall and IPv6 routing; none of it exists here.
    for words in (
        "link set lo up",
        f"link add {layout.bridge} type bridge",
        f"address add {layout.address} dev {layout.bridge}",
        f"link set {layout.bridge} up",
        f"route add default dev {layout.bridge}",
    ):
        subprocess.run(["ip", *words.split()], check=True, stdin=subprocess.DEVNULL)


def main() -> None:
    """Make the namespaces what `Layout` says, tell readiness, and stay."""
    layout = Layout(**json.loads(Path(sys.argv[1]).read_text()))
    ready = int(os.environ.pop(READY_FD))
    unshare(Namespace.MOUNT | Namespace.NETWORK)
    mounts(layout)
    network(layout)
    os.write(ready, b"ready")
    os.close(ready)
    # Process 1 inherits every orphan of the namespace; ignored children are reaped by the kernel, and an ignored
    # signal stays ignored in the program that takes this one's place.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.execvp("sleep", ["sleep", "infinity"])  # noqa: S606


if __name__ == "__main__":
    main()
