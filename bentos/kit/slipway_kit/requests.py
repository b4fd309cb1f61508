"""Whose request a line of code works for: one batch has many, and none may be taken for another.

In `predict_batch` there is no current request, unless items are walked through with `each`; a batcher that runs in the
context of whichever request came first would give every other one that one's tenant and trace.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

from slipway_kit.planning.entry import Priority

_T = TypeVar("_T")
_P = ParamSpec("_P")

RequestHeaders = Sequence[tuple[bytes, bytes]]
"""As ASGI has them: names in small letters."""

_current: contextvars.ContextVar[Request | None] = contextvars.ContextVar("slipway_request", default=None)
_batch: contextvars.ContextVar[tuple[Request, ...]] = contextvars.ContextVar("slipway_batch", default=())


class Request:
    """What is known of a request, apart from its items."""

    __slots__ = ("_context", "deadline", "headers", "id", "priority", "span")

    def __init__(
        self,
        *,
        id: str,  # noqa: A002
        priority: Priority,
        deadline: float,
        headers: RequestHeaders,
    ) -> None:
        self.id = id
        """As in `x-request-id`; made here where the client gave none."""
        self.priority = priority
        self.deadline = deadline
        """Seconds by `time.monotonic`."""
        self.headers = headers
        self.span: Any = None
        """The request's OpenTelemetry span, where it is traced."""
        self._context: contextvars.Context | None = None

    def header(self, name: str) -> str | None:
        """Value of the first header of that name, which is written in small letters."""
        wanted = name.encode("latin-1")
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)

    @property
    def context(self) -> contextvars.Context:
        """The context variables that the request's own code sees."""
        if self._context is None:  # our server has no code of its own around a request: there are none but this
            self._context = contextvars.Context()
            self._context.run(_current.set, self)
        return self._context

    @context.setter
    def context(self, context: contextvars.Context) -> None:
        self._context = context

    def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call the function with the context variables of this request."""
        return self.context.copy().run(function, *args, **kwargs)


def current_request() -> Request | None:
    """The request that this code works for: none in `predict_batch` itself, the item's own inside `each`."""
    return _current.get()


def requests() -> tuple[Request, ...]:
    """The requests of the batch that is being computed, in the order of its items."""
    return _batch.get()


def each(items: Sequence[_T]) -> Iterator[_T]:
    """Walk through what belongs to the batch's items, one by one, in the context of the request of each.

    Raises:
        ValueError: What is walked through has another length than the batch.
    """
    for item, request in zip(items, _batch.get(), strict=True):
        token = _current.set(request)
        try:
            yield item
        finally:
            _current.reset(token)


def enter_request(request: Request) -> None:
    """Make this the request that the running task works for."""
    _current.set(request)
    request.context = contextvars.copy_context()


def in_batch(members: tuple[Request, ...], function: Callable[[], _T]) -> _T:
    """Call the function as the work of a batch, and of no request."""

    def inside() -> _T:
        _current.set(None)
        _batch.set(members)
        return function()

    return contextvars.Context().run(inside)
