"""Starting a process in the instance's namespaces, and recognising it later."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from slipway.embedded.kernel import Namespace, setns, unshare
from slipway.embedded.machine import READY_FD
from slipway.embedded.supervisor.spec import Place, ProcessSpec
from slipway.errors import InstanceError

_LOG_BYTES = 20 * 2**20
"""A log larger than this is set aside when its process starts; one older log is kept."""
_OWNER = "SLIPWAY_RUNTIME"
"""Environment variable that marks a process as one of an instance: the instance's runtime folder."""


class NoNamespacesError(InstanceError):
    """The instance's first process has ended, and all of its namespaces with it."""

    def __init__(self, name: str) -> None:
        """Say what cannot be started for want of them."""
        msg = f"{name} cannot be started: the instance's namespaces are gone"
        super().__init__(msg, remedy="run `slipway up` again")


@dataclass
class Launched:
    """A process that was started.

    Attributes:
        process: It.
        started: Its identity beside the pid.
        ready: A pipe on which it tells that it is ready; -1 where it tells nothing.
    """

    process: subprocess.Popen[bytes]
    started: int
    ready: int


def start(spec: ProcessSpec, *, runtime: Path, machine_pid: int, logs: Path) -> Launched:
    """Start a process.

    Args:
        spec: What to run.
        runtime: The instance's runtime folder; it marks the process as ours, in its environment.
        machine_pid: The instance's first process; 0 for the machine itself.
        logs: Folder for its output.

    Raises:
        InstanceError: It could not be started.
    """
    log = logs / f"{spec.name}.log"
    readable, writable = os.pipe()
    env = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "HOME": os.environ.get("HOME", "/root"),
        "LANG": "C.UTF-8",
        **mark(runtime, spec.name),
        **spec.env,
        **({READY_FD: str(writable)} if spec.tells_ready else {}),
    }
    try:
        with _entering(spec.place, machine_pid) as enter, _open_log(log) as output:
            process = subprocess.Popen(
                spec.argv,
                env=env,
                cwd=spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(writable,) if spec.tells_ready else (),
                preexec_fn=enter,  # noqa: PLW1509  # the daemon has one thread
            )
    except (OSError, subprocess.SubprocessError) as error:
        os.close(readable)
        if spec.place.needs_namespaces and (identity(machine_pid) is None or is_ending(machine_pid)):
            # It was there when the daemon asked, a moment ago.
            raise NoNamespacesError(spec.name) from error
        msg = f"{spec.name} could not be started: {error}"
        raise InstanceError(msg, remedy=f"look at {log}") from error
    finally:
        os.close(writable)
    if not spec.tells_ready:
        os.close(readable)
        readable = -1
    return Launched(process, identity(process.pid) or 0, readable)


@contextmanager
def _entering(place: Place, machine_pid: int) -> Iterator[Callable[[], None] | None]:
    """Choose the PID namespace of the next child, and what the child does before it becomes the program.

    The choice is taken back afterwards: a process whose children belong elsewhere can make no new PID namespace, and
    can have no children at all once that namespace has ended.
    """
    if place is Place.HOST:
        yield None
        return
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    target = -1
    try:
        if place is Place.MACHINE:
            unshare(Namespace.PID)
            yield None
        else:
            target = os.pidfd_open(machine_pid)
            setns(target, Namespace.PID)
            yield None if place is Place.DOOR else lambda: setns(target, Namespace.MOUNT | Namespace.NETWORK)
    finally:
        setns(own, Namespace.PID)
        os.close(own)
        if target >= 0:
            os.close(target)


@contextmanager
def _open_log(path: Path) -> Iterator[int]:
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


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


def is_ending(pid: int) -> bool:
    """Whether a process that is still there has been killed: the first of a namespace waits for all others to end.

    PF_EXITING in field 9 of proc_pid_stat(5), or SIGKILL among the pending signals of proc_pid_status(5).
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    except (FileNotFoundError, ProcessLookupError):
        return False
    pending = int(status.get("SigPnd", "0"), 16) | int(status.get("ShdPnd", "0"), 16)
    return fields[0] not in "ZX" and bool(int(fields[6]) & 0x4 or pending & 1 << (signal.SIGKILL - 1))


def mark(runtime: Path, name: str) -> dict[str, str]:
    """The environment variables by which a process of an instance is known."""
    return {_OWNER: str(runtime), "SLIPWAY_PROCESS": name}


def marked(runtime: Path) -> dict[int, str]:
    """Every process that carries an instance's mark, with the name it was started under.

    Children inherit the mark: what containerd starts to keep a pod has it, too.
    """
    found: dict[int, str] = {}
    for process in psutil.process_iter():
        try:
            environ = process.environ()
        except (psutil.Error, OSError):
            continue
        if environ.get(_OWNER) == str(runtime):
            found[process.pid] = environ.get("SLIPWAY_PROCESS", "")
    return found


def command_of(pid: int) -> list[str]:
    """The program and arguments of a process; empty when it is gone."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


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


def leads_session(pid: int) -> bool:
    """Whether a process leads a session, as each one does that the supervisor starts."""
    try:
        return os.getsid(pid) == pid
    except (ProcessLookupError, PermissionError):
        return False
