"""The one schema of a stack file. What it says of a key is what the stack files, the editor and errors say."""

from infra.settings.faults import Fault, SettingsError
from infra.settings.load import load, load_file
from infra.settings.schema import Cluster, Model, Resources, Settings

__all__ = [
    "Cluster",
    "Fault",
    "Model",
    "Resources",
    "Settings",
    "SettingsError",
    "load",
    "load_file",
]
