"""What a shell needs for a literal `pulumi up` against an instance: programs, folders, variables."""

import os
import secrets
import shlex
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import yaml

from infra.models.builds import IMAGES, UNPACKED, VARIABLE
from slipway import paths
from slipway.embedded.aws import DUMMY_KEY
from slipway.embedded.instance import Instance
from slipway.embedded.modes import Mode
from slipway.files import write
from slipway.plugins import locks, scratch
from slipway.plugins.credentials import REAL_VARIABLES
from slipway.plugins.language import EXECUTOR
from slipway.running import run

_ENGINE_SECONDS = 90.0
"""How long another engine is waited for; after that, Pulumi says who holds the stack."""


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
            **self._aws(),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            # Ours are installed in PULUMI_HOME; others of the same name on PATH are not meant.
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "PULUMI_OPTION_CWD": str(self.project),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            EXECUTOR: str(self.executor),
            VARIABLE: self._builds(),
        }

    def _builds(self) -> str:
        match self.instance.mode:
            case Mode.PROCESSES:
                return UNPACKED
            case Mode.CONTEXT:
                return str(self.instance.builds)
        return IMAGES

    def _aws(self) -> dict[str, str]:
        """The endpoint, and credentials that open nothing else; no file and no metadata service is asked for others."""
        nothing = str(self.folder / "aws-has-no-settings-here")
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.instance.ports().get('aws', 0)}",
            "AWS_ACCESS_KEY_ID": DUMMY_KEY,
            "AWS_SECRET_ACCESS_KEY": DUMMY_KEY,
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def project_name(self) -> str:
        """What the project was called when a command of Pulumi's ran last; empty before."""
        file = self.project / "Pulumi.yaml"
        told = yaml.safe_load(file.read_text()) if file.exists() else None
        return str(told["name"]) if isinstance(told, dict) and "name" in told else ""

    def has(self, stack: str) -> bool:
        """Whether the engine has a record of a stack."""
        name = self.project_name()
        return bool(name) and (self.folder / "state" / ".pulumi" / "stacks" / name / f"{stack}.json").exists()

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
        if not self.has(stack):
            self.pulumi_command("stack", "select", "--create", stack)

    def pulumi_command(
        self, *arguments: str, on_line: Callable[[str], None] | None = None, as_it_was: bool = False
    ) -> str:
        """Run `pulumi` as a shell with this environment would, and return what it wrote.

        Args:
            arguments: Of `pulumi`.
            on_line: Called with each line as it is written.
            as_it_was: Whether the scratch copy is left as the last command had it; the checkout is then not needed.

        Raises:
            CommandError: It did not end with status 0.
        """
        program = str(self.pulumi if as_it_was else self.folder / "bin" / "pulumi")
        inherited = {name: value for name, value in os.environ.items() if name not in REAL_VARIABLES}
        return run([program, *arguments], env={**inherited, **self.environment()}, on_line=on_line)

    def wait_for_engines(self, tell: Callable[[str], None]) -> None:
        """Wait a while for engines that are at work on this instance: one whose command was killed is on its way out.

        Args:
            tell: Called with what is waited for.
        """
        deadline = time.monotonic() + _ENGINE_SECONDS
        while (pids := locks.holders(self.folder / "state")) and time.monotonic() < deadline:
            tell(f"waiting for another `pulumi` (pid {', '.join(map(str, pids))}) to end")
            time.sleep(0.2)

    def _write_programs(self) -> None:
        """Plugins as the engine installs them, and a `pulumi` that reads the stack files afresh before it starts."""
        python = shlex.quote(sys.executable)
        folders = (str(self.project), str(self.checkout), str(self.folder / "state"))
        sync = shlex.join([sys.executable, "-I", "-m", "slipway.plugins.scratch", *folders])
        plugins = self.folder / "home" / "plugins"
        banner = f"echo 'offline: the instance {self.instance.name} on this machine; no cloud is touched' >&2"
        language = plugins / f"language-python-v{version('pulumi')}" / "pulumi-language-python"
        aws = plugins / f"resource-aws-v{version('pulumi-aws')}" / "pulumi-resource-aws"
        kubernetes = plugins / f"resource-kubernetes-v{version('pulumi-kubernetes')}" / "pulumi-resource-kubernetes"
        programs = {
            self.folder / "bin" / "pulumi": f'{sync} || exit\n{banner}\nexec {shlex.quote(str(self.pulumi))} "$@"',
            language: f'exec {python} -I -m slipway.plugins language "$@"',
            aws: f'exec {python} -I -m slipway.plugins aws "$@"',
            kubernetes: f'exec {python} -I -m slipway.plugins kubernetes "$@"',
        }
        for file, body in programs.items():
            content = f"#!/bin/sh\n# Written by `slipway up`; gone with `slipway down`.\n{body}\n"
            write(file, content, mode=0o755)
