"""Which class is served, by its name."""

from __future__ import annotations

import importlib
import os
import sys

from slipway_kit.model import ContractError

USAGE = "usage: python -m slipway_kit MODULE:CLASS, or SLIPWAY_MODEL=MODULE:CLASS python -m slipway_kit"


def named(target: str) -> type:
    """The class that `module:Class` names.

    Raises:
        ContractError: There is none.
    """
    module, _, name = target.partition(":")
    if not module or not name:
        raise ContractError(f"{target!r} names no class; {USAGE}")
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
