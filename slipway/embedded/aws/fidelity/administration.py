"""What a person or a drill may set that AWS has no operation for, at `/slipway/…`: scarcity, prices, others' images.

It belongs around moto and inside the journal, so that what is set is replayed in its place:
`Journal(serving(DomainDispatcherApplication(create_backend_app)), file)`.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

from slipway.embedded.aws.endpoint import IMAGES, PRICES
from slipway.embedded.aws.fidelity import prices, scarcity, told_images

_App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def serving(app: _App) -> _App:
    """Put these documents before a WSGI application."""

    def answering(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        if request.path not in _DOCUMENTS:
            return app(environ, start_response)
        return _answer(request, *_DOCUMENTS[request.path])(environ, start_response)

    return answering


def _answer(request: Request, show: Callable[[], Any], accept: Callable[[Any], None]) -> Response:
    """Answer GET and PUT of one JSON document.

    Args:
        request: The request.
        show: Gives the document.
        accept: Replaces it; a ValueError says what is wrong with the new one.
    """
    if request.method not in ("GET", "PUT"):
        return Response(status=405, headers={"Allow": "GET, PUT"})
    if request.method == "PUT":
        try:
            accept(json.loads(request.get_data()))
        except ValueError as error:
            return Response(json.dumps({"error": str(error)}), 400, mimetype="application/json")
    return Response(json.dumps(show()), mimetype="application/json")


def _shown() -> dict[str, Any]:
    held = prices.current()
    if not isinstance(held, prices.PriceTable):
        return {}
    return {"on_demand": dict(held.on_demand_prices), "spot": dict(held.spot_prices)}


_DOCUMENTS: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    scarcity.PATH: (scarcity.shown, scarcity.accept),
    PRICES: (_shown, lambda new: prices.tell(prices.table_of(new))),
    IMAGES: (told_images.shown, told_images.accept),
}
"""By path: what gives the document, and what replaces it."""
