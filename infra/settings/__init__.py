"""The one schema of a stack file. What it says of a key is what the stack files, the editor and errors say."""

from infra.settings.budget import Budget
from infra.settings.cluster import Cluster, EksCluster, ExistingCluster
from infra.settings.faults import Fault, SettingsError
from infra.settings.load import Parsed, load, load_file, parse_file
from infra.settings.models import Model, Resources
from infra.settings.network import Network
from infra.settings.registry import Registry
from infra.settings.schema import Settings
from infra.settings.stores import Stores
from infra.settings.tags import Tags

__all__ = [
    "Budget",
    "Cluster",
    "EksCluster",
    "ExistingCluster",
    "Fault",
    "Model",
    "Network",
    "Parsed",
    "Registry",
    "Resources",
    "Settings",
    "SettingsError",
    "Stores",
    "Tags",
    "load",
    "load_file",
    "parse_file",
]
