"""Programs of ours that the supervisor runs: each is told what to do in a file of JSON, and keeps at it."""

import json
import logging
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

from slipway.embedded.instance import Instance
from slipway.embedded.supervisor.spec import ProcessSpec
from slipway.files import fingerprint, write


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a program is told; a class of its own for each."""

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(**cls.parsed(json.loads(text)))

    @classmethod
    def parsed(cls, raw: dict[str, Any]) -> dict[str, Any]:
        """The fields, of what JSON has of them."""
        return raw


def process(instance: Instance, name: str, module: str, told: Told) -> ProcessSpec:
    """A program as a process to keep running; its file is written.

    Args:
        instance: Whose.
        name: What the process is called, and the file.
        module: What is run, with the file as its argument.
        told: What it is told; another process when that changes.
    """
    config, content = instance.etc / f"{name}.json", told.to_json()
    write(config, content)
    return ProcessSpec(name=name, argv=[sys.executable, "-m", module, str(config)], config=fingerprint(content))


def keep_at(
    do: Callable[[], object], *, seconds: float, passing: tuple[type[Exception], ...], log: logging.Logger
) -> None:
    """Do something again and again until told to end, after what is being done.

    Args:
        do: What.
        seconds: Between two times.
        passing: What is logged, and tried again.
        log: Where.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(seconds):
        try:
            do()
        except passing as error:
            log.warning("nothing could be done: %s", error)
