"""What the supervisor is asked to run, and what it says about it."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Place(StrEnum):
    """Where a process runs."""

    MACHINE = "machine"
    """It is the instance's first process, in new namespaces."""
    INSIDE = "inside"
    """In the instance's mount, network and PID namespaces."""
    DOOR = "door"
    """In the instance's PID namespace only: it opens sockets on the machine before it enters the rest."""
    HOST = "host"
    """On the machine itself, in no namespaces: where an instance has none."""

    @property
    def needs_namespaces(self) -> bool:
        """Whether it is in those of the instance's first process."""
        return self in (Place.INSIDE, Place.DOOR)


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """A process to keep running.

    Attributes:
        name: Its name in this instance; also that of its log.
        argv: Program (absolute path) and arguments.
        env: Its environment, beyond the little every process gets.
        place: Where it runs.
        cwd: Its working directory.
        stop_seconds: How long it may take to end after SIGTERM before it is killed.
        config: Fingerprint of the configuration it reads at start; another one means another process.
        tells_ready: Whether it writes to the pipe named by `SLIPWAY_READY_FD` when it is ready.
    """

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    place: Place = Place.INSIDE
    cwd: str = "/"
    stop_seconds: float = 10.0
    config: str = ""
    tells_ready: bool = False

    def fingerprint(self) -> str:
        """Changes when anything about the process changes: a running one with another fingerprint is restarted."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Self:
        """Read what `asdict` wrote."""
        return cls(**{**raw, "place": Place(raw["place"])})


@dataclass(frozen=True, kw_only=True)
class Status:
    """What the supervisor knows of a process.

    Attributes:
        name: Its name.
        pid: Its process id on this machine; 0 when it is not running.
        started: When it was started, clock ticks since boot; with `pid`, its identity.
        fingerprint: Of the spec it was started from.
        restarts: How often it was started again after it ended by itself.
        state: `running`, `restarting`, or `ended`.
        exit_status: How it ended last; negative for a signal; none when unknown.
    """

    name: str
    pid: int
    started: int
    fingerprint: str
    restarts: int
    state: str
    exit_status: int | None = None
