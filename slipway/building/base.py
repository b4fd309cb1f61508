"""The base of CPU images: Debian with Python and certificates, nothing else, made by debootstrap.

It lives in a buildah store of its own in the cache, so that the machine's containers are left alone.
"""

import hashlib
import os
import re
import shutil
from pathlib import Path

from slipway import paths
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


class Builder:
    """Runs buildah on a store of its own.

    Args:
        programs: Must have `buildah` and `debootstrap`.
    """

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self.folder = paths.cache() / "buildah"

    def environment(self) -> dict[str, str]:
        """What buildah, and whatever starts it, must be run with."""
        return {
            **os.environ,
            "BUILDAH_ISOLATION": "chroot",
            "CONTAINERS_STORAGE_CONF": str(self._configuration()),
            "PATH": f"{self._programs.path('buildah').parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }

    def buildah(self, *arguments: str | Path) -> str:
        """Run buildah and return what it printed."""
        return run([self._programs.path("buildah"), *arguments], env=self.environment()).strip()

    def base(self, phase: Phase) -> str:
        """The name of the base image, made first if need be.

        Raises:
            CommandError: debootstrap or buildah failed.
        """
        key = hashlib.sha256(repr((SUITE, PACKAGES, USELESS, RECIPE)).encode()).hexdigest()[:12]
        name = f"localhost/slipway/bento-base:{SUITE}-{key}"
        if name in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}").split():
            return name
        if os.geteuid() != 0:
            msg = "making the base image needs root (debootstrap makes device files)"
            raise BuildError(msg, remedy="run the command with sudo")
        root = paths.cache() / f"base-{key}.partial"
        shutil.rmtree(root, ignore_errors=True)
        try:
            include = f"--include={','.join(PACKAGES)}"
            run(
                [self._programs.path("debootstrap"), "--variant=minbase", include, SUITE, root, *_mirror()],
                on_line=phase.note,
                remedy="look at what debootstrap says above; it needs a Debian mirror and its keyring",
            )
            for useless in USELESS:
                shutil.rmtree(root / useless, ignore_errors=True)
                (root / useless).mkdir(parents=True, exist_ok=True)
            phase.note("committing the base image")
            container = self.buildah("from", "scratch")
            try:
                self.buildah("add", "--quiet", container, root, "/")
                self.buildah("config", "--cmd", "/bin/bash", container)
                self.buildah("commit", "--quiet", "--format", "oci", container, name)
            finally:
                self.buildah("rm", container)
        finally:
            shutil.rmtree(root, ignore_errors=True)
        phase.detail = ""
        return name

    def _configuration(self) -> Path:
        file = self.folder / "storage.conf"
        content = (
            "[storage]\n"
            'driver = "overlay"\n'
            f'graphroot = "{self.folder / "storage"}"\n'
            f'runroot = "{paths.runtime().parent / "slipway-buildah"}"\n'
        )
        write(file, content)
        return file


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
