"""A bound on what a request may carry, enforced while it is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Answers 413 to a request whose body is larger than allowed, whether or not it says so beforehand.

    Args:
        app: What answers the others.
        most: Bytes a body may have.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        """Wrap an application."""
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its body read in full."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = b""
        ended = False
        while not ended:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > self._most:
                await self._refuse(send)
                return
            ended = not message.get("more_body", False)
        given = False

        async def whole() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, whole, send)

    async def _refuse(self, send: Send) -> None:
        answer = json.dumps({"error": f"the body is larger than {self._most} bytes; send fewer images at a time"})
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": answer.encode()})
