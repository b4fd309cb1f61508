"""Starting a process in the instance's namespaces, and recognising it later."""

import os
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from slipway.embedded.kernel import Namespace, setns, unshare
from slipway.embedded.machine import READY_FD
from slipway.embedded.supervisor.spec import Place, ProcessSpec
from slipway.errors import InstanceError

_LOG_BYTES = 20 * 2**20
"""A log larger than this is set aside when its process starts; one older log is kept."""
_READY_SECONDS = 30.0


def start(spec: ProcessSpec, *, instance: str, machine_pid: int, logs: Path) -> subprocess.Popen[bytes]:
    """Start a process and return once it runs (or, where it tells, once it is ready).

    Args:
        spec: What to run.
        instance: Name that marks the process as ours, in its environment.
        machine_pid: The instance's first process; 0 for the machine itself.
        logs: Folder for its output.

    Raises:
        InstanceError: It could not be started, or did not become ready in time.
    """
    log = _open_log(logs / f"{spec.name}.log")
    readable, writable = os.pipe()
    env = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "HOME": os.environ.get("HOME", "/root"),
        "LANG": "C.UTF-8",
        "SLIPWAY_INSTANCE": instance,
        "SLIPWAY_PROCESS": spec.name,
        **spec.env,
    }
    if spec.tells_ready:
        env[READY_FD] = str(writable)
    target = os.pidfd_open(machine_pid) if machine_pid else -1
    try:
        enter = _prepare(spec.place, target)
        process = subprocess.Popen(
            spec.argv,
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(writable,) if spec.tells_ready else (),
            preexec_fn=enter,  # noqa: PLW1509  # the daemon has one thread
        )
    except (OSError, subprocess.SubprocessError) as error:
        os.close(readable)
        os.close(writable)
        msg = f"{spec.name} could not be started: {error}"
        raise InstanceError(msg, remedy=f"look at {logs / (spec.name + '.log')}") from error
    finally:
        if target >= 0:
            os.close(target)
        os.close(log)
    os.close(writable)
    try:
        if spec.tells_ready and not _told_ready(readable):
            process.kill()
            msg = f"{spec.name} did not become ready"
            raise InstanceError(msg, remedy=f"look at {logs / (spec.name + '.log')}")
    finally:
        os.close(readable)
    return process


def _prepare(place: Place, target: int) -> Callable[[], None] | None:
    """Choose the PID namespace of the next child, and return what the child does before it becomes the program."""
    if place is Place.MACHINE:
        unshare(Namespace.PID)
        return None
    setns(target, Namespace.PID)
    if place is Place.DOOR:
        return None
    return lambda: setns(target, Namespace.MOUNT | Namespace.NETWORK)


def leave_pid_namespace() -> None:
    """Let the next children be born in this process's own PID namespace again."""
    handle = os.open("/proc/self/ns/pid", os.O_RDONLY)
    try:
        setns(handle, Namespace.PID)
    finally:
        os.close(handle)


def _told_ready(readable: int) -> bool:
    ready, _, _ = select.select([readable], [], [], _READY_SECONDS)
    return bool(ready) and os.read(readable, 16) == b"ready"


def _open_log(path: Path) -> int:
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def identity(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot: with the pid, it tells a process from a later one.

    None when there is no such process, or only its zombie. (Field 22 of proc_pid_stat(5); a time of day would shift
    with the machine's clock.)
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def signal_if_same(pid: int, started: int, number: signal.Signals) -> bool:
    """Send a signal to a process, unless its pid belongs to another by now. Returns whether it was sent."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if identity(pid) != started:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True
