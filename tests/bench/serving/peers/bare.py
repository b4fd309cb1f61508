"""The least that HTTP costs: uvicorn with httptools and uvloop, and an ASGI application that reads nothing.

Every server of ours and of the peers is this or slower; its cost per request is `c_http` in the limit.
"""

from typing import Any

from tests.bench.serving.peers.on_uvicorn import serve
from tests.bench.serving.shape import told

_SCORES = ",".join(["0.10000000149011612"] * 10)


def body() -> bytes:
    """As long as an answer."""
    return f'{{"{told().label}":0,"{told().scores}":[{_SCORES}]}}'.encode()


def application() -> Any:
    """ASGI."""
    answer = body()
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))],
    }
    end = {"type": "http.response.body", "body": answer}

    async def constant(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await receive()
            await send(start)
            await send(end)

    return constant


if __name__ == "__main__":
    serve(application(), lifespan="off")
