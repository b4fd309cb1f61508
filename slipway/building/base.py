"""The base of CPU images: Debian with Python and certificates, nothing else, made by debootstrap.

It lives in a buildah store of its own in the cache, so that the machine's containers are left alone.
"""

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from slipway import paths
from slipway.engines.build import install_debian
from slipway.engines.locate import Programs
from slipway.errors import BuildError
from slipway.files import write
from slipway.progress import Phase
from slipway.running import run

SUITE = "bookworm"
"""Debian 12: its Python is 3.11, which the images' locks are made for."""
PACKAGES = ("ca-certificates", "python3")
# What no service reads: manuals, translations, package lists, the caches of apt and of Python.
USELESS = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "var/cache",
    "var/lib/apt/lists",
    "var/log",
)
RECIPE = 1
"""Raised when the way the base is made changes."""
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class Builder:
    """Runs buildah on a store of its own, one builder at a time on this machine.

    As a context manager: what buildah mounts is mounted in a namespace of each command's own, and what it keeps about
    running containers goes when the builder does.

    Args:
        programs: Must have `buildah` and `debootstrap`.
    """

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self.folder = paths.cache() / "buildah"
        self._lock: IO[str] | None = None
        self._running: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        """Wait for other builds to end, and begin.

        Raises:
            BuildError: This user may not.
        """
        if os.geteuid() != 0:
            msg = "building images needs root: debootstrap makes device files, and buildah mounts"
            raise BuildError(msg, remedy="run the command with sudo")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._running = tempfile.TemporaryDirectory(prefix="slipway-buildah-")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End whatever a failed build left, and let others begin."""
        try:
            if kind is not None:
                self.buildah("rm", "--all")
        finally:
            if self._running is not None:
                self._running.cleanup()
            if self._lock is not None:
                self._lock.close()

    def environment(self) -> dict[str, str]:
        """What buildah, and whatever starts it, must be run with."""
        if self._running is None:
            raise BuildError("the builder was not begun")
        settings = Path(self._running.name) / "storage.conf"
        storage, state = self.folder / "storage", Path(self._running.name) / "state"
        write(settings, f'[storage]\ndriver = "overlay"\ngraphroot = "{storage}"\nrunroot = "{state}"\n')
        return {
            **os.environ,
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_STORAGE_CONF": str(settings),
            "PATH": f"{self._programs.path('buildah').parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }

    def run(
        self,
        *argv: str | Path,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        remedy: str = "",
    ) -> str:
        """Run a program with buildah's environment, in a mount namespace that ends with it."""
        apart = ("unshare", "--mount", "--propagation", "private", "--")
        environment = {**self.environment(), **(env or {})}
        return run([*apart, *argv], env=environment, cwd=cwd, on_line=on_line, timeout=3600, remedy=remedy)

    def buildah(self, *arguments: str | Path) -> str:
        """Run buildah and return what it printed."""
        return self.run(self._programs.path("buildah"), *arguments).strip()

    def base(self, phase: Phase) -> str:
        """The name of the base image, made first if need be.

        Raises:
            CommandError: debootstrap or buildah failed.
        """
        key = hashlib.sha256(repr((SUITE, PACKAGES, USELESS, RECIPE)).encode()).hexdigest()[:12]
        name = f"localhost/slipway/bento-base:{SUITE}-{key}"
        if name in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
            return name
        if not _KEYRING.exists():
            install_debian(["debian-archive-keyring"], phase)
        root = paths.cache() / f"base-{key}.partial"
        shutil.rmtree(root, ignore_errors=True)
        try:
            include = f"--include={','.join(PACKAGES)}"
            checked = (f"--keyring={_KEYRING}", "--force-check-gpg")
            self.run(
                self._programs.path("debootstrap"),
                *("--variant=minbase", include, *checked, SUITE, str(root), *_mirror()),
                on_line=phase.note,
                remedy="look at what debootstrap says above; it needs a Debian mirror",
            )
            for useless in USELESS:
                shutil.rmtree(root / useless, ignore_errors=True)
                (root / useless).mkdir(parents=True, exist_ok=True)
            phase.note("committing the base image")
            container = self.buildah("from", "scratch")
            self.buildah("add", "--quiet", container, root, "/")
            self.buildah("config", "--cmd", "/bin/bash", container)
            self.buildah("commit", "--quiet", "--rm", "--format", "oci", container, name)
        finally:
            shutil.rmtree(root, ignore_errors=True)
        phase.detail = ""
        return name


def _mirror() -> list[str]:
    """The Debian mirror this machine uses; none where it is not Debian (debootstrap then uses its default)."""
    if not shutil.which("apt-get") or "ID=debian" not in Path("/etc/os-release").read_text().split():
        return []
    said = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"])
    for line in said.splitlines():
        found = re.fullmatch(r"(\S+?)/? (\w+) main", line)
        if found and "security" not in found[1]:
            return [found[1]]
    return []
