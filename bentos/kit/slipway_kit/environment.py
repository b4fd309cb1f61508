"""Everything that an operator may set, read at once, so that all faults are told at once."""

from __future__ import annotations

from collections.abc import Mapping

from slipway_kit.around.settings import AroundSettings
from slipway_kit.settings import Settings
from slipway_kit.variables import SettingsError


def read(environment: Mapping[str, str]) -> tuple[Settings, AroundSettings]:
    """The settings of the batcher and of what is around it.

    Raises:
        SettingsError: With a line for each variable that says what it may not, or that looks misspelt.
    """
    settings, around, faults = Settings(), AroundSettings(), []
    try:
        settings = Settings.from_environment(environment)
    except SettingsError as error:
        faults += error.faults
    try:
        around = AroundSettings.from_environment(environment)
    except SettingsError as error:
        faults += error.faults
    if faults:
        raise SettingsError(faults)
    return settings, around
