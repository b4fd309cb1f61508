"""What can go wrong with the catalog."""

from slipway.errors import SlipwayError


class CatalogError(SlipwayError):
    """The catalog could not be renewed, or does not have what is asked for."""
