"""`python -m slipway_kit module:Class` serves a model; what can be set is read from the environment.

Without an argument SLIPWAY_MODEL names the class: an image says so of itself.
"""

from __future__ import annotations

import importlib
import os
import sys

from slipway_kit import environment, logs
from slipway_kit.application import application
from slipway_kit.around.settings import AroundSettings
from slipway_kit.model import ContractError
from slipway_kit.server import serve
from slipway_kit.settings import Settings
from slipway_kit.variables import SettingsError

_MODEL = "SLIPWAY_MODEL"
_USAGE = "usage: python -m slipway_kit MODULE:CLASS, or SLIPWAY_MODEL=MODULE:CLASS python -m slipway_kit"


def _faults_end(lines: list[str]) -> int:
    for line in lines:
        sys.stderr.write(f"error: {line}\n")
    return 2


def _named(target: str) -> type:
    """The class that `module:Class` names.

    Raises:
        ContractError: There is none.
    """
    module, _, name = target.partition(":")
    if not module or not name:
        raise ContractError(f"{target!r} names no class; {_USAGE}")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  # as python -m does for its own module
    try:
        found = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise ContractError(f"there is no module {module} in {os.getcwd()}") from None  # noqa: PTH109
    except AttributeError:
        raise ContractError(f"{module} has no {name}") from None
    if not isinstance(found, type):
        raise ContractError(f"{target} is no class")
    return found


def main(arguments: list[str]) -> int:
    """Serve.

    Returns:
        The exit status: 2 for what cannot be started as it is, and otherwise as `server.serve` has it.
    """
    arguments = arguments or [os.environ[each] for each in (_MODEL,) if each in os.environ]
    if len(arguments) != 1:
        return _faults_end([_USAGE])
    faults: list[str] = []
    settings, around = Settings(), AroundSettings()
    try:
        settings, around = environment.read(os.environ)
    except SettingsError as error:
        faults += error.faults
    try:
        served = application(_named(arguments[0]), settings, around=around)
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
