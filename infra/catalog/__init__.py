"""The instance catalog: types, zones, GPU models and prices of EC2 as data, each figure with its source and date.

Read it with `Catalog.load()`; `slipway catalog refresh` renews the files from AWS when an account is at hand. What no
source tells is absent: a price is None, never a guess.
"""

from infra.catalog.allocatable import Allocatable, allocatable
from infra.catalog.catalog import Catalog
from infra.catalog.families import FAMILIES
from infra.catalog.files import DATA, Capacity, Source, Zone
from infra.catalog.names import UnknownNameError
from infra.catalog.shapes import Accelerator, InstanceType

__all__ = [
    "DATA",
    "FAMILIES",
    "Accelerator",
    "Allocatable",
    "Capacity",
    "Catalog",
    "InstanceType",
    "Source",
    "UnknownNameError",
    "Zone",
    "allocatable",
]
