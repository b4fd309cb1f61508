"""`python -m slipway_kit module:Class` serves a model; what can be set is read from the environment.

Without an argument SLIPWAY_MODEL names the class: an image says so of itself.
"""

from __future__ import annotations

import os
import sys

from slipway_kit import environment, logs
from slipway_kit.application import application
from slipway_kit.around.settings import AroundSettings
from slipway_kit.model import ContractError
from slipway_kit.naming import USAGE, named
from slipway_kit.server import serve
from slipway_kit.settings import Settings
from slipway_kit.variables import SettingsError

_MODEL = "SLIPWAY_MODEL"


def _faults_end(lines: list[str]) -> int:
    for line in lines:
        sys.stderr.write(f"error: {line}\n")
    return 2


def main(arguments: list[str]) -> int:
    """Serve.

    Returns:
        The exit status: 2 for what cannot be started as it is, and otherwise as `server.serve` has it.
    """
    arguments = arguments or [os.environ[each] for each in (_MODEL,) if each in os.environ]
    if len(arguments) != 1:
        return _faults_end([USAGE])
    faults: list[str] = []
    settings, around = Settings(), AroundSettings()
    try:
        settings, around = environment.read(os.environ)
    except SettingsError as error:
        faults += error.faults
    try:
        served = application(named(arguments[0]), settings, around=around)
    except ContractError as error:
        faults += str(error).splitlines()
    if faults:
        return _faults_end(faults)
    logs.configure()
    return serve(served)


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a model that hangs in C code would keep the interpreter from ending
