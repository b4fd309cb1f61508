"""The supervisor itself: starts, watches, restarts and ends the processes of one instance.

Run as `python -m slipway.embedded.supervisor.daemon INSTANCE RUNTIME LOGS`. It answers one JSON object per line on
`RUNTIME/supervisor.sock`, and writes what it runs to `RUNTIME/processes.json` before anything else happens, so that
the next supervisor takes over the same processes when this one is killed.
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from slipway.embedded.supervisor import launch
from slipway.embedded.supervisor.spec import Place, ProcessSpec, Status
from slipway.errors import SlipwayError

LOG = logging.getLogger("slipway.supervisor")
_STEADY_SECONDS = 60.0
"""A process that ran this long is restarted at once when it ends; one that ended sooner waits longer each time."""
_LONGEST_WAIT = 30.0
_KILL_SECONDS = 10.0
_READY_SECONDS = 30.0


@dataclass
class Running:
    """A process under care."""

    spec: ProcessSpec
    pid: int = 0
    started: int = 0
    since: float = 0.0
    restarts: int = 0
    exit_status: int | None = None
    wanted: bool = True
    child: subprocess.Popen[bytes] | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    restart: asyncio.TimerHandle | None = None

    def status(self) -> Status:
        """What is told about it."""
        state = "running" if self.pid else "restarting" if self.restart is not None else "ended"
        return Status(
            name=self.spec.name,
            pid=self.pid,
            started=self.started,
            fingerprint=self.spec.fingerprint(),
            restarts=self.restarts,
            state=state,
            exit_status=self.exit_status,
        )


class Supervisor:
    """Owner of the processes of one instance.

    Args:
        instance: The instance's name, for its log.
        runtime: Folder of the socket and of the record of processes.
        logs: Folder of the processes' output.
    """

    def __init__(self, *, instance: str, runtime: Path, logs: Path) -> None:
        self.instance = instance
        self.runtime = runtime
        self.logs = logs
        self.processes: dict[str, Running] = {}
        self.stopping = asyncio.Event()
        self._closing = False
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """One thing at a time is done with a process; others need not wait for one that takes its time to end."""

    # -- what is asked over the socket ---------------------------------------------------------------------------

    async def start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a process; one that already runs from the same spec is left alone."""
        spec = ProcessSpec.from_json(request["spec"])
        async with self._turns[spec.name]:
            return await self._started(spec)

    async def _started(self, spec: ProcessSpec) -> dict[str, Any]:
        current = self.processes.get(spec.name)
        if current is not None:
            if current.pid and current.spec.fingerprint() == spec.fingerprint():
                current.wanted = True
                return {"status": asdict(current.status()), "started": False}
            await self._end(current)
        process = Running(spec=spec)
        try:
            await self._launch(process)
        except SlipwayError:
            await self._end(process)
            raise
        return {"status": asdict(process.status()), "started": True}

    async def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        """End one process and forget it."""
        async with self._turns[request["name"]]:
            process = self.processes.get(request["name"])
            if process is not None:
                await self._end(process, seconds=request.get("seconds"))
        return {}

    async def restart(self, request: dict[str, Any]) -> dict[str, Any]:
        """End one process, as if by itself: it is started again, and that is counted."""
        async with self._turns[request["name"]]:
            process = self.processes.get(request["name"])
            if process is not None and process.pid:
                await self._halt(process)
        return {}

    async def status(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Tell what is known of every process, in the order they were started."""
        return {"pid": os.getpid(), "processes": [asdict(process.status()) for process in self.processes.values()]}

    async def shutdown(self, _request: dict[str, Any]) -> dict[str, Any]:
        """End everything, last started first, and then this daemon."""
        self._closing = True
        while self.processes:  # one may have been about to be started
            for name, process in reversed(list(self.processes.items())):
                async with self._turns[name]:
                    await self._end(process)
        self.stopping.set()
        return {}

    # -- processes -----------------------------------------------------------------------------------------------

    def machine_pid(self) -> int:
        """The pid of the instance's first process; 0 when there is none."""
        return next((p.pid for p in self.processes.values() if p.spec.place is Place.MACHINE), 0)

    def _has_place(self, spec: ProcessSpec) -> bool:
        """Whether where it runs is there."""
        return not spec.place.needs_namespaces or bool(self.machine_pid())

    async def _launch(self, process: Running) -> None:
        spec = process.spec
        if self._closing:
            msg = f"the supervisor of {self.instance} ends"
            raise SlipwayError(msg, remedy="run `slipway up` again")
        if not self._has_place(spec):
            raise launch.NoNamespacesError(spec.name)
        self.processes[spec.name] = process
        self._record()  # a supervisor that is killed now leaves word of what it was about to start
        launched = launch.start(spec, runtime=self.runtime, machine_pid=self.machine_pid(), logs=self.logs)
        process.child, process.pid, process.started = launched.process, launched.process.pid, launched.started
        process.since, process.restart, process.exit_status = time.monotonic(), None, None
        process.ended = asyncio.Event()
        self._record()
        LOG.info("started %s, pid %d", spec.name, process.pid)
        self._watch(process)
        if launched.ready >= 0 and not await _told_ready(launched.ready):
            await self._end(process)
            msg = f"{spec.name} did not become ready"
            raise SlipwayError(msg, remedy=f"look at {self.logs / spec.name}.log")

    def _watch(self, process: Running) -> None:
        try:
            handle = os.pidfd_open(process.pid)
        except ProcessLookupError:
            self._on_end(process)
            return
        loop = asyncio.get_running_loop()

        def on_end() -> None:
            loop.remove_reader(handle)
            os.close(handle)
            self._on_end(process)

        loop.add_reader(handle, on_end)

    def _on_end(self, process: Running) -> None:
        if process.child is not None and process.spec.place is Place.HOST:
            # What it started goes with it, as with a container: until it is waited for, its pid is nobody else's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.exit_status = process.child.wait() if process.child is not None else None
        LOG.info("%s (pid %d) ended with status %s", process.spec.name, process.pid, process.exit_status)
        process.pid = process.started = 0
        process.child = None
        process.ended.set()
        self._record()
        if process.wanted and process.spec.place is not Place.MACHINE and self._has_place(process.spec):
            lasted = time.monotonic() - process.since
            self._restart_after(process, _pause(0 if lasted > _STEADY_SECONDS else process.restarts))

    def _restart_after(self, process: Running, seconds: float) -> None:
        process.restart = asyncio.get_running_loop().call_later(
            seconds, lambda: asyncio.ensure_future(self._again(process))
        )

    async def _again(self, process: Running) -> None:
        process.restart = None
        async with self._turns[process.spec.name]:
            if not process.wanted or process.pid or not self._has_place(process.spec):
                return
            process.restarts += 1
            try:
                await self._launch(process)
            except (SlipwayError, OSError) as error:
                LOG.warning("%s", error)
                if process.restart is None:
                    self._restart_after(process, _pause(process.restarts))

    async def _end(self, process: Running, *, seconds: float | None = None) -> None:
        process.wanted = False
        if process.restart is not None:
            process.restart.cancel()
            process.restart = None
        if process.pid:
            await self._halt(process, seconds=seconds)
        self.processes.pop(process.spec.name, None)
        self._record()

    async def _halt(self, process: Running, *, seconds: float | None = None) -> None:
        """Let a process end, and make it end if it does not in time."""
        # Process 1 of a namespace has no handler for SIGTERM, and so never sees it.
        gentle = process.spec.place is not Place.MACHINE
        launch.signal_if_same(process.pid, process.started, signal.SIGTERM if gentle else signal.SIGKILL)
        allowed = process.spec.stop_seconds if seconds is None else seconds
        try:
            await asyncio.wait_for(process.ended.wait(), allowed if gentle else _KILL_SECONDS)
        except TimeoutError:
            LOG.warning("%s did not end in time; killing it", process.spec.name)
            launch.signal_if_same(process.pid, process.started, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.ended.wait(), _KILL_SECONDS)

    # -- taking over ---------------------------------------------------------------------------------------------

    def _record(self) -> None:
        entries = [
            {"spec": asdict(p.spec), "pid": p.pid, "started": p.started, "restarts": p.restarts}
            for p in self.processes.values()
        ]
        partial = self.runtime / "processes.json.partial"
        try:
            partial.write_text(json.dumps({"boot": boot_id(), "processes": entries}))
            partial.replace(self.runtime / "processes.json")
        except OSError as error:
            # What is known here is what counts; the file is for the next supervisor, and written again at every change.
            LOG.warning("what runs could not be written down: %s", error)

    def take_over(self) -> None:
        """Take the processes that an earlier supervisor of this instance left running."""
        try:
            record = json.loads((self.runtime / "processes.json").read_text())
        except (FileNotFoundError, ValueError):
            return
        if record["boot"] != boot_id():
            return
        for entry in record["processes"]:
            process = Running(spec=ProcessSpec.from_json(entry["spec"]), restarts=entry["restarts"])
            pid, started = entry["pid"], entry["started"]
            if not pid:
                pid, started = self._find(process.spec)
            _await_end(pid)
            if not pid or launch.identity(pid) != started:
                continue
            process.pid, process.started, process.since = pid, started, time.monotonic()
            self.processes[process.spec.name] = process
            LOG.info("took over %s, pid %d", process.spec.name, process.pid)
            self._watch(process)
        self._record()

    def _find(self, spec: ProcessSpec) -> tuple[int, int]:
        """The process of a spec that was being started when the last supervisor was killed; zeros if there is none."""
        for pid, name in launch.marked(self.runtime).items():
            # What it started itself carries the mark, too, but is another program. The machine becomes `sleep`.
            is_it = launch.command_of(pid) in (spec.argv, ["sleep", "infinity"])
            # It may be another program by now, by which it was limited; it still leads the session it was started in.
            if name == spec.name and (is_it or (spec.place is Place.HOST and launch.leads_session(pid))):
                return pid, launch.identity(pid) or 0
        return 0, 0

    # -- the socket ----------------------------------------------------------------------------------------------

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests, one JSON object a line, until the other side goes."""
        verbs: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
            "start": self.start,
            "stop": self.stop,
            "restart": self.restart,
            "status": self.status,
            "shutdown": self.shutdown,
        }
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                try:
                    request = json.loads(line)
                    reply = {"ok": True, **await verbs[request["do"]](request)}
                except SlipwayError as error:
                    reply = {"ok": False, "what": error.what, "remedy": error.remedy}
                except Exception as error:  # a fault of ours must reach the one who asked, not end the daemon
                    LOG.exception("request failed")
                    reply = {"ok": False, "what": f"the supervisor failed: {error!r}", "remedy": f"look at {self.logs}"}
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
            writer.close()

    async def serve(self) -> None:
        """Listen until `shutdown` was asked for."""
        self.take_over()
        socket = self.runtime / "supervisor.sock"
        socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self.answer, path=socket)
        socket.chmod(0o600)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: asyncio.ensure_future(self.shutdown({})))
        LOG.info("supervisor of %s listens, pid %d", self.instance, os.getpid())
        await self.stopping.wait()
        await asyncio.sleep(0.05)  # let the reply to `shutdown` leave
        server.close()
        socket.unlink(missing_ok=True)
        (self.runtime / "processes.json").unlink(missing_ok=True)


async def _told_ready(pipe: int) -> bool:
    """Wait until a process tells that it is ready."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(pipe, readable.set)
    try:
        await asyncio.wait_for(readable.wait(), _READY_SECONDS)
        return os.read(pipe, 16) == b"ready"
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(pipe)
        os.close(pipe)


def _await_end(pid: int) -> None:
    """Let a process that was killed end: taken over, it would be taken for one that runs."""
    deadline = time.monotonic() + _KILL_SECONDS
    while launch.is_ending(pid) and time.monotonic() < deadline:
        time.sleep(0.02)


def _pause(restarts: int) -> float:
    """Seconds to wait before a process is started again: longer each time it did not last."""
    return min(_LONGEST_WAIT, 0.2 * 2.0 ** min(restarts, 10))


def boot_id() -> str:
    """What tells this uptime of the machine from another."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def main() -> None:
    """Serve one instance; at most one supervisor does at a time."""
    instance, runtime, logs = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    with (runtime / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            LOG.warning("another supervisor serves %s", instance)
            return

        async def serve() -> None:
            await Supervisor(instance=instance, runtime=runtime, logs=logs).serve()

        asyncio.run(serve())


if __name__ == "__main__":
    main()
