"""Whether an author's class has what the settings ask of it: said at start, not when the model fails."""

from __future__ import annotations

import inspect

from slipway_kit.around.settings import AroundSettings, Step
from slipway_kit.model import Contract, ContractError, tag_of


def check(model: type, contract: Contract, settings: AroundSettings) -> None:
    """Compare a class with the settings.

    Raises:
        ContractError: With a line for each setting that asks for what the class lacks.
    """
    taken, given = contract.input.__name__, contract.output.__name__
    wanted = {}
    if Step.SMALLER in settings.fallback:
        said = "SLIPWAY_FALLBACK names `smaller`", "leave `smaller` out"
        wanted["predict_fallback"] = (f"self, items: list[{taken}]) -> list[{given}]", *said)
    if Step.DEFAULT in settings.fallback:
        said = "SLIPWAY_FALLBACK names `default`", "leave `default` out"
        wanted["default"] = (f"self, item: {taken}) -> {given}", *said)
    if settings.review_below is not None:
        said = "SLIPWAY_REVIEW_BELOW is set", "unset it together with SLIPWAY_REVIEW_QUEUE_URL"
        wanted["confidence"] = (f"self, output: {given}) -> float", *said)
    faults = []
    for name, (signature, because, otherwise) in wanted.items():
        function = getattr(model, name, None)
        written = f"write `{model.__qualname__}.{name}({signature}`, or {otherwise}"
        if not callable(function):
            faults.append(f"{because}, and {model.__qualname__} has no {name}: {written}")
        elif inspect.iscoroutinefunction(function):
            faults.append(f"{because}, and {model.__qualname__}.{name} is async: {written}")
    if settings.cache_url and getattr(model, "version", None) is None and not tag_of(model):
        faults.append(
            f"SLIPWAY_CACHE_URL is set, and {model.__qualname__} has no version: Redis outlives a deployment, and the "
            f'next model would give the answers of this one; write `version = "1"` in the class, or use '
            "SLIPWAY_CACHE_BYTES alone"
        )
    if faults:
        raise ContractError("\n".join(faults))
