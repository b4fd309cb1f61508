"""The instance catalog as the command uses it: renewed from AWS, and looked up.

The catalog itself is `infra.catalog`, which knows neither AWS's API nor a terminal.
"""

from slipway.catalog.faults import CatalogError
from slipway.catalog.listing import Listing, show
from slipway.catalog.renewal import refresh

__all__ = ["CatalogError", "Listing", "refresh", "show"]
