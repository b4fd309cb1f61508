"""The same application inside a Bento, so that `bentoml serve` and a built Bento serve what the container serves.

    @bentoml.service(name="lengths", image=slipway_kit.bento.image(Path(__file__).parent))
    @slipway_kit.bento.mount(Lengths)
    class Service:
        pass

The saved model that the class names goes into the Bento, and so does the kit's wheel. BentoML answers `/livez`,
`/readyz` and `/metrics` itself: it is told when the model is ready, and adds our metrics.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import bentoml

from slipway_kit import carrying, environment
from slipway_kit.answers import Receive, Scope, Send, refused
from slipway_kit.application import Application, State, application
from slipway_kit.model import Contract, tag_of
from slipway_kit.planning.entry import Reason, RefusedError

_S = TypeVar("_S", bound=type)


class Mounted:
    """Stands for the application from when the service is imported, which `bentoml build` does too, until it starts."""

    def __init__(self, model: type) -> None:
        Contract.of(model)
        self._model = model
        self.application: Application | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if self.application is None:
            await refused(RefusedError(Reason.STARTING, 1.0)).send(scope, send)
        else:
            await self.application(scope, receive, send)

    def start(self, folder: Path | None) -> None:
        """Read the settings, and begin to load the model from its folder.

        Raises:
            SettingsError: The environment says what cannot be.
            ContractError: It asks for what the class lacks.
        """
        settings, around = environment.read(os.environ)
        self.application = application(self._model, settings, around=around)
        self.application.folder = folder
        self.application.start()

    async def close(self) -> None:
        """End."""
        if self.application is not None:
            await self.application.close()

    @property
    def is_ready(self) -> bool:
        """Whether predictions are answered."""
        return self.application is not None and self.application.state is State.READY

    @property
    def is_failed(self) -> bool:
        """Whether the model could not be loaded."""
        return self.application is not None and self.application.state is State.FAILED


def image(bento: Path, requirements: str = "requirements.txt") -> bentoml.images.Image:
    """What the container of a bento is made of: a small base, pinned requirements, and the kit's wheel.

    Args:
        bento: The bento's folder. SLIPWAY_BASE_IMAGE names another base; it needs Python and `uv` only.
        requirements: Another file of it, for an image that carries something else.

    Raises:
        FileNotFoundError: It has no such file, or there is no wheel and nothing to make it from.
    """
    # `distro` names none that BentoML knows, so that it adds no compiler and no git.
    made = bentoml.images.Image(
        base_image=os.environ.get("SLIPWAY_BASE_IMAGE", "python:3.11-slim-bookworm"),
        distro="as-given",
        python_version="3.11",
        lock_python_packages=False,
    )
    # What `requirements_file` does, for a path that is absolute.
    made.python_packages((bento / requirements).read_text().strip(), carrying.requirement(bento))
    return made.build_include(carrying.FOLDER)


def mount(model: type) -> Callable[[_S], _S]:
    """Decorates a service class, below `@bentoml.service`: requests are then answered by the kit.

    Raises:
        ContractError: The model cannot be served.
    """
    mounted = Mounted(model)
    tag = tag_of(model)
    saved = bentoml.models.BentoModel(tag) if tag is not None else None

    def decorate(service: _S) -> _S:
        async def start(_: Any) -> None:
            mounted.start(Path(saved.resolve().path) if saved is not None else None)

        async def close(_: Any) -> None:
            await mounted.close()

        async def ready(_: Any) -> bool:
            return mounted.is_ready

        async def alive(_: Any) -> bool:
            return not mounted.is_failed

        async def metrics(_: Any, theirs: str) -> str:
            return theirs + mounted.application.scraped().decode() if mounted.application else theirs

        members: dict[str, Any] = {
            "slipway_start": bentoml.on_startup(start),
            "slipway_close": bentoml.on_shutdown(close),
            "__is_ready__": ready,
            "__is_alive__": alive,
            "__metrics__": metrics,
        }
        if saved is not None:
            members["slipway_model"] = saved
        for name, member in members.items():
            setattr(service, name, member)
        bentoml.asgi_app(mounted)(service)
        return service

    return decorate
