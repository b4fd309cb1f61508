"""What a shell needs for a literal `pulumi up` against an instance: programs, folders, variables."""

import os
import secrets
import shlex
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import yaml

from slipway import paths
from slipway.embedded.instance import Instance
from slipway.files import write
from slipway.plugins import scratch
from slipway.plugins.language import EXECUTOR
from slipway.running import run


class Workspace:
    """The Pulumi side of an instance: a scratch copy, a state backend and a passphrase of its own.

    Args:
        instance: Whose.
        pulumi: The Pulumi CLI to use.
        executor: `pulumi-language-python-exec`.
        checkout: The repository whose program and stack files are used.
        folder: Where all of it lies; the instance's by default.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        pulumi: Path,
        executor: Path,
        checkout: Path = paths.REPOSITORY,
        folder: Path | None = None,
    ) -> None:
        """Nothing is written before `prepare`."""
        self.instance = instance
        self.pulumi = pulumi
        self.executor = executor
        self.checkout = checkout
        self.folder = folder or instance.folder / "pulumi"

    @property
    def project(self) -> Path:
        """The scratch copy."""
        return self.folder / "project"

    def environment(self) -> dict[str, str]:
        """The variables a shell needs, beyond its own."""
        return {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "SLIPWAY_INSTANCE": self.instance.name,
            "KUBECONFIG": str(self.instance.kubeconfig),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            # Ours are installed in PULUMI_HOME; others of the same name on PATH are not meant.
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "PULUMI_OPTION_CWD": str(self.project),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            EXECUTOR: str(self.executor),
        }

    def prepare(self, stack: str) -> None:
        """Make everything a literal `pulumi` needs; repeating it changes nothing.

        Raises:
            CommandError: Pulumi could not make the stack.
        """
        for name in ("bin", "home", "state"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        passphrase = self.folder / "passphrase"
        if not passphrase.exists():
            passphrase.touch(mode=0o600)
            passphrase.write_text(secrets.token_urlsafe(24))
        self._write_programs()
        scratch.sync(self.project, self.checkout)
        name = yaml.safe_load((self.checkout / "Pulumi.yaml").read_text())["name"]
        if not (self.folder / "state" / ".pulumi" / "stacks" / name / f"{stack}.json").exists():
            self.pulumi_command("stack", "select", "--create", stack)

    def pulumi_command(self, *arguments: str, on_line: Callable[[str], None] | None = None) -> str:
        """Run `pulumi` as a shell with this environment would, and return what it wrote.

        Raises:
            CommandError: It did not end with status 0.
        """
        program = str(self.folder / "bin" / "pulumi")
        return run([program, *arguments], env={**os.environ, **self.environment()}, on_line=on_line)

    def _write_programs(self) -> None:
        """Plugins as the engine installs them, and a `pulumi` that reads the stack files afresh before it starts."""
        python = shlex.quote(sys.executable)
        sync = shlex.join(
            [sys.executable, "-I", "-m", "slipway.plugins.scratch", str(self.project), str(self.checkout)]
        )
        plugins = self.folder / "home" / "plugins"
        language = plugins / f"language-python-v{version('pulumi')}" / "pulumi-language-python"
        kubernetes = plugins / f"resource-kubernetes-v{version('pulumi-kubernetes')}" / "pulumi-resource-kubernetes"
        programs = {
            self.folder / "bin" / "pulumi": f'{sync} || exit\nexec {shlex.quote(str(self.pulumi))} "$@"',
            language: f'exec {python} -I -m slipway.plugins.language "$@"',
            kubernetes: f'exec {python} -I -m slipway.plugins.kubernetes "$@"',
        }
        for file, body in programs.items():
            content = f"#!/bin/sh\n# Written by `slipway up`; gone with `slipway down`.\n{body}\n"
            write(file, content, mode=0o755)
