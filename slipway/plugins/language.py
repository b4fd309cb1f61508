"""The Python language host: runs a Pulumi program with the interpreter of this environment.

The program is started through `pulumi-language-python-exec`, the same script that the official host uses, so that
`sys.path`, errors and exit codes are the same. Run by the engine as `pulumi-language-python ENGINE-ADDRESS`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from slipway.plugins.serving import serve

EXECUTOR = "SLIPWAY_LANGUAGE_EXEC"
"""Environment variable with the path of `pulumi-language-python-exec`."""
_MESSAGE_WAS_SHOWN = 32
"""Exit status with which the script says that the user has already read what was wrong."""


class Python(language_pb2_grpc.LanguageRuntimeServicer):
    """The language host of one engine.

    Args:
        engine: The engine's address.
    """

    def __init__(self, engine: str) -> None:
        """Remember whom the program reports to."""
        self._engine = engine
        self._program: subprocess.Popen[bytes] | None = None

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Nothing to agree on."""
        return language_pb2.LanguageHandshakeResponse()

    def GetRequiredPlugins(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """None that the engine should fetch: the plugins are on PATH."""
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """As `GetRequiredPlugins`."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """The version is that of the SDK the program imports."""
        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """For `pulumi about`."""
        return language_pb2.AboutResponse(executable=sys.executable, version=sys.version.split()[0])

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802, ARG002
        """Nothing: the environment is installed by `make`."""
        return iter(())

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """No questions."""
        return language_pb2.RuntimeOptionsResponse()

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Run the program to its end."""
        argv = [sys.executable, "-u", os.environ[EXECUTOR]]
        for flag, value in (
            ("--monitor", request.monitor_address),
            ("--engine", self._engine),
            ("--project", request.project),
            ("--root_directory", request.info.root_directory),
            ("--stack", request.stack),
            ("--pwd", request.pwd),
            ("--dry_run", "true" if request.dryRun else "false"),
            ("--parallel", str(request.parallel)),
            ("--organization", request.organization),
        ):
            argv += [flag, value]
        argv.append(request.info.entry_point)
        env = {
            **os.environ,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        self._program = subprocess.Popen(
            [*argv, *request.args], env=env, cwd=request.info.program_directory, stdin=subprocess.DEVNULL
        )
        status = self._program.wait()
        if status == 0:
            return language_pb2.RunResponse()
        if status == _MESSAGE_WAS_SHOWN:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"the program ended with status {status}")

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """End the program."""
        self.end_program()
        return empty_pb2.Empty()

    def end_program(self) -> None:
        """End the program, if one runs: it must not outlive the engine."""
        if self._program is not None:
            self._program.terminate()


def main(engine: str) -> None:
    """Serve one engine."""
    host = Python(engine)
    try:
        serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), threads=8)
    finally:
        host.end_program()
