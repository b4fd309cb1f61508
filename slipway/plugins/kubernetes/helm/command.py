"""Runs helm: on charts that lie in the engine cache, in folders of its own, against one cluster, without a network."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from slipway.engines.locate import locate
from slipway.engines.table import engine
from slipway.errors import EngineError
from slipway.plugins.kubernetes.cluster import ClusterError

_POLL_SECONDS = 0.25
_CANCELLED_SECONDS = 20.0
"""How long helm may take to note that it was cancelled."""
_PREFIX = re.compile(r"^(Error:|WARNING:.*|level=\S+ .*|[a-z_]+\.go:\d+: .*)\s*", re.MULTILINE)


class HelmError(ClusterError):
    """Helm did not do what it was asked to; its own words."""


class Helm:
    """The helm program, with folders of its own.

    Args:
        folder: Where those are made; they go with `close`.
        cancelled: Set when the engine gives up: helm is told, and notes it in the release.
    """

    def __init__(self, folder: Path, cancelled: threading.Event) -> None:
        found = locate(engine("helm")).found
        if found is None:
            raise EngineError("helm is needed and was not found", remedy="run `slipway engines build`")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._program = found.path
        # Where the plugin is killed, the kernel ends helm: nobody would know of what it did. (`preexec_fn` could ask
        # for that as well, but a process that serves gRPC had better not fork.)
        self._tied = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        self._cancelled = cancelled
        self._folder = Path(tempfile.mkdtemp(dir=folder))

    def close(self) -> None:
        """Remove its folders."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def file(self, name: str, content: str) -> Path:
        """A file for helm to read, and for nobody else."""
        handle, path = tempfile.mkstemp(dir=self._folder, suffix=f"-{name}")  # mode 0600
        with os.fdopen(handle, "w") as stream:
            stream.write(content)
        return Path(path)

    def values(self, values: Mapping[str, Any]) -> Path:
        """A file of values; JSON is YAML that every reader reads alike."""
        return self.file("values.json", json.dumps(values))

    def run(self, *arguments: str | Path, meanwhile: Callable[[], None] = lambda: None) -> str:
        """Run helm to its end, and return what it wrote to standard output.

        Args:
            arguments: Its arguments.
            meanwhile: Called now and then while it runs.

        Raises:
            HelmError: It failed, or the engine gave up.
        """
        with subprocess.Popen(
            [*self._tied, self._program, *arguments],
            env=self._environment(),
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # a Ctrl-C in the terminal is the engine's to pass on
        ) as process:
            while True:
                try:
                    written, said = process.communicate(timeout=_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if self._cancelled.is_set():
                        said = self._end(process)
                        raise HelmError(f"cancelled: {_words(said)}") from None
                    meanwhile()
        if process.returncode != 0:
            raise HelmError(_words(said))
        return str(written)

    def _environment(self) -> dict[str, str]:
        """Nothing of the user's: no settings, no plugins, no repositories, no driver, no proxy."""
        folders = {f"HELM_{name}_HOME": str(self._folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return {"PATH": os.environ.get("PATH", ""), "HOME": str(self._folder), **folders}

    def _end(self, process: "subprocess.Popen[str]") -> str:
        process.send_signal(signal.SIGTERM)
        try:
            return str(process.communicate(timeout=_CANCELLED_SECONDS)[1])
        except subprocess.TimeoutExpired:
            process.kill()
            return str(process.communicate()[1])


def _words(said: str) -> str:
    """What helm complains of, without what is for its own log."""
    return _PREFIX.sub("", said).strip() or said.strip() or "helm failed without a word"
