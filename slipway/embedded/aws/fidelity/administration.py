"""What a person or a drill may set that AWS has no operation for, at `/slipway/…`: scarcity, prices, others' images.

It belongs around moto and inside the journal, so that what is set is replayed in its place:
`Journal(serving(DomainDispatcherApplication(create_backend_app)), file)`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Response

from slipway.embedded.aws.endpoint import IMAGES, PRICES
from slipway.embedded.aws.fidelity import prices, scarcity, told_images

_App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def handle(environ: dict[str, Any]) -> Response | None:
    """Answer a request that is not AWS's; None for any other."""
    return (
        scarcity.handle(environ)
        or scarcity.answer(environ, PRICES, _shown, lambda new: prices.tell(prices.table_of(new)))
        or scarcity.answer(environ, IMAGES, told_images.shown, told_images.accept)
    )


def serving(app: _App) -> _App:
    """Put these answers around a WSGI application."""

    def answering(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        own = handle(environ)
        return own(environ, start_response) if own is not None else app(environ, start_response)

    return answering


def _shown() -> dict[str, Any]:
    held = prices.current()
    if not isinstance(held, prices.PriceTable):
        return {}
    return {"on_demand": dict(held.on_demand_prices), "spot": dict(held.spot_prices)}
