"""Tries what an instance does to the kernel, in namespaces that end with this process.

Run as `python -m slipway.embedded.trial FOLDER [IP NFT]`; what needs the programs is tried where they are given. Prints
one line for everything that failed: what is missing, a tab, and what to do about it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from slipway.embedded.cgroups import hierarchies
from slipway.embedded.kernel import Mount, Namespace, mount, unshare

_CONTAINER = "if this is a container, start it with more rights (`--privileged`), or use a machine of your own"


def _namespaces() -> None:
    unshare(Namespace.MOUNT | Namespace.NETWORK)
    mount("", "/", flags=Mount.REC | Mount.PRIVATE)
    _run("unshare --pid --fork true")


def _overlay(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        for name in ("lower", "upper", "work", "merged"):
            (Path(scratch) / name).mkdir()
        options = ",".join(f"{key}dir={scratch}/{key}" for key in ("lower", "upper", "work"))
        mount("overlay", f"{scratch}/merged", "overlay", options=options)
        subprocess.run(["umount", f"{scratch}/merged"], check=True, capture_output=True)


def _run(*commands: str) -> None:
    for command in commands:
        done = subprocess.run(command.split(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(done.returncode, done.stderr.strip() or command)


def _filter(nft: str) -> None:
    chain = "type nat hook postrouting priority 100; ct state new counter masquerade"
    rules = f"table ip trial {{\nchain c {{\n{chain}\n}}\n}}\n"
    done = subprocess.run([nft, "-f", "-"], input=rules, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(done.returncode, done.stderr.strip())


def _cgroups() -> None:
    mounted = hierarchies()
    v2 = [root for root, kind in mounted if kind == "cgroup2"]
    controllers = {name for root in v2 for name in (root / "cgroup.controllers").read_text().split()}
    controllers |= {root.name for root, kind in mounted if kind == "cgroup"}
    missing = sorted({"cpu", "cpuset", "memory", "pids"} - controllers)
    if missing:
        raise OSError(1, f"no {', '.join(missing)}")
    for root, _ in mounted:
        if not os.access(root, os.W_OK):
            raise OSError(1, f"{root} cannot be written")


def main() -> int:
    """Try everything; a later trial is skipped where it could not mean anything."""
    folder = Path(sys.argv[1])
    trials: list[tuple[str, Callable[[], None], str]] = [
        ("namespaces (mount, network, PID)", _namespaces, _CONTAINER),
        ("cgroups with cpu, cpuset, memory and pids", _cgroups, "mount the cgroup file system writable; " + _CONTAINER),
        (
            f"an overlay mount in {folder}",
            lambda: _overlay(folder),
            "run `modprobe overlay`, or set XDG_STATE_HOME to a folder that is not on an overlay itself",
        ),
    ]
    if sys.argv[2:]:
        ip, nft = sys.argv[2:]
        links = ("link set lo up", "link add trial0 type bridge", "link add trial1 type veth peer name trial2")
        trials += [
            (
                "bridges and veth pairs",
                lambda: _run(*(f"{ip} {each}" for each in links)),
                "run `modprobe bridge veth`; " + _CONTAINER,
            ),
            (
                "nftables with NAT",
                lambda: _filter(nft),
                "run `modprobe nf_tables nft_chain_nat nft_masq nft_ct`; " + _CONTAINER,
            ),
        ]
    for what, attempt, remedy in trials:
        try:
            attempt()
        except OSError as error:
            sys.stdout.write(f"{what}: {' '.join((error.strerror or str(error)).split())}\t{remedy}\n")
            if what.startswith("namespaces"):
                break
    return 0


if __name__ == "__main__":
    sys.exit(main())
