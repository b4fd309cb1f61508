"""Objectives that no request can meet, by what the builds of models measured. Pure."""

import math
from collections.abc import Iterator, Mapping

from infra.models.planning import BUILT
from infra.settings import Settings, SettingsError
from infra.settings.faults import Fault, Finding
from infra.settings.wording import named


def findings(settings: Settings, one_item: Mapping[str, float]) -> Iterator[Finding]:
    """Models that take longer for one item alone than they may for an answer.

    Args:
        settings: A stack that its schema accepts.
        one_item: Milliseconds of local builds, by model.
    """
    for name, model in settings.models.items():
        took = one_item.get(name, 0.0) if model.image == BUILT else 0.0
        if took > model.serving.objective:
            what = (
                f"is {model.serving.objective}, and one item alone took {took:g} ms when {name} was built: every "
                f"request would be refused; write {math.ceil(took)} or more, or make the model faster"
            )
            yield Finding(("config", "slipway:models", name, "serving", "objective"), what)


def refuse(settings: Settings, one_item: Mapping[str, float], *, stack: str) -> None:
    """Stop before anything is registered.

    Raises:
        SettingsError: With every such model.
    """
    found = [Fault(named(each.where), each.what) for each in findings(settings, one_item)]
    if found:
        raise SettingsError(f"stacks/Pulumi.{stack}.yaml", found)
