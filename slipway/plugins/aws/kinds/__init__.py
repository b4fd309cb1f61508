"""The one table of AWS tokens the offline plugin knows. A token the program starts to use is an entry here."""

from slipway.plugins.aws.kinds import (
    alerts,
    audit,
    buckets,
    clusters,
    endpoints,
    federation,
    identity,
    images,
    keys,
    machines,
    messages,
    network,
    storage,
)
from slipway.plugins.aws.table import Kind

_MODULES = (
    network,
    endpoints,
    identity,
    federation,
    storage,
    buckets,
    messages,
    alerts,
    images,
    keys,
    machines,
    clusters,
    audit,
)
KINDS: dict[str, Kind] = {kind.token: kind for module in _MODULES for kind in module.KINDS}
"""By token."""


class UnknownTokenError(Exception):
    """The program uses a token that the table does not have."""

    def __init__(self, token: str) -> None:
        """Say what is missing and where it goes."""
        super().__init__(
            f"the offline aws plugin does not know {token}; add it to the table in slipway/plugins/aws/kinds/"
        )


def kind_of(token: str) -> Kind:
    """The entry of a token.

    Raises:
        UnknownTokenError: There is none.
    """
    try:
        return KINDS[token]
    except KeyError:
        raise UnknownTokenError(token) from None
