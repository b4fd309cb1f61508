"""An application that is asked in this process, as ASGI has it."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

import msgspec
from slipway_kit.application import Application
from slipway_kit.application import application as make
from slipway_kit.around.settings import AroundSettings
from slipway_kit.settings import Settings


class Said(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def reason(self) -> str:
        return str(self.json["error"]["reason"])


async def ask(
    application: Application, path: str, body: bytes | None = None, *, method: str = "", **headers: str
) -> Said:
    """Ask; with a body by POST."""
    scope = {
        "type": "http",
        "method": method or ("GET" if body is None else "POST"),
        "path": path,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    sent: list[Any] = []
    inbox: list[Any] = [{"type": "http.request", "body": body or b"", "more_body": False}]

    async def receive() -> Any:
        if inbox:
            return inbox.pop()
        await asyncio.Event().wait()
        return None

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, send)
    start, *rest = sent
    return Said(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message["body"] for message in rest),
    )


async def started(application: Application) -> None:
    """Start it, and wait until it is ready or has failed."""
    settled = asyncio.Event()
    application.on_ready = application.on_failure = settled.set
    application.start()
    await settled.wait()


async def until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def serving(
    model: type,
    scenario: Callable[[Application], Coroutine[Any, Any, None]],
    *,
    provider: Any = None,
    around: AroundSettings | None = None,
    **settings: Any,
) -> None:
    """Run the scenario with an application that is ready."""

    async def run() -> None:
        application = make(model, Settings(**settings), around=around, tracer_provider=provider)
        await started(application)
        assert application.failure is None
        await scenario(application)
        await application.close()

    asyncio.run(asyncio.wait_for(run(), 30))
