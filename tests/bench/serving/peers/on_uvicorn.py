"""uvicorn as its documentation has it at its fastest: https://www.uvicorn.org/settings/."""

from typing import Any, Literal

import uvicorn

from tests.bench.serving.shape import told_port


def serve(application: Any, *, lifespan: Literal["auto", "off"] = "auto") -> None:
    """Serve at the port that is told, with uvloop and httptools, and without an access log."""
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=told_port(),
        loop="uvloop",
        http="httptools",
        lifespan=lifespan,
        access_log=False,
        log_level="warning",
    )
