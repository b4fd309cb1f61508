"""What a program asks to be waited for (`pulumi.com/waitFor`), in the words of `kubectl wait --for`. Pure functions.

https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/#pulumi-com-waitfor
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from slipway.plugins.diff import parse, value_at
from slipway.plugins.kubernetes.readiness import Verdict
from slipway.plugins.properties import Path

Object = dict[str, Any]
_JSON_PATH = re.compile(r"\{?\.?(?P<path>[^{}=]+)\}?(?:=(?P<value>.*))?", re.DOTALL)
_PLAIN = re.compile(r'(?:\.?[\w-]+|\[\d+\]|\["[^"]*"\])+')


class ExpressionError(ValueError):
    """An expression cannot be followed."""


@dataclass(frozen=True)
class Condition:
    """An entry of `status.conditions` has a status, and is up to date."""

    kind: str
    status: str

    def __str__(self) -> str:
        return f"the condition {self.kind} to be {self.status}"

    def holds(self, live: Object) -> bool:
        """Whether it does."""
        status = live.get("status") or {}
        for each in status.get("conditions") or []:
            if str(each.get("type")).lower() == self.kind.lower():
                seen = each.get("observedGeneration", status.get("observedGeneration"))
                outdated = seen is not None and seen < live["metadata"].get("generation", 0)
                return not outdated and str(each.get("status")).lower() == self.status.lower()
        return False


@dataclass(frozen=True)
class Value:
    """A property is there, and has a value where one is asked for."""

    path: Path
    written: str
    value: str | None

    def __str__(self) -> str:
        return f"{self.written} to be {'there' if self.value is None else self.value}"

    def holds(self, live: Object) -> bool:
        """Whether it does."""
        found = value_at(live, self.path)
        if self.value is None:
            return found is not ... and found is not None
        return found is not ... and _as_text(found) == self.value


def expressions(annotation: str) -> list[Condition | Value]:
    """What the annotation asks for.

    Raises:
        ExpressionError: It is not in a form that is followed.
    """
    try:
        several = json.loads(annotation)
    except ValueError:
        several = annotation
    words = several if isinstance(several, list) else [annotation]
    if not words:
        raise ExpressionError("at least one condition must be specified")
    return [_expression(str(word)) for word in words]


def judge(live: Object, asked: list[Condition | Value]) -> Verdict:
    """Whether an object is as it was asked to be."""
    missing = [str(each) for each in asked if not each.holds(live)]
    return Verdict(" and ".join(missing), _complaints(live)) if missing else Verdict()


def judge_generally(live: Object) -> Verdict:
    """Whether an object says of itself, in the usual way, that it is ready: the rules of `kstatus`.

    https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
    """
    status = live.get("status") or {}
    if status.get("observedGeneration", live["metadata"].get("generation")) != live["metadata"].get("generation"):
        return Verdict("its controller to see the change")
    said = {each.get("type"): str(each.get("status")) for each in status.get("conditions") or []}
    told = _complaints(live)
    if said.get("Reconciling") == "True":
        return Verdict("its controller to be done with it", told)
    if said.get("Stalled") == "True":
        return Verdict("its controller to go on with it", told)
    return Verdict() if said.get("Ready", "True") == "True" else Verdict("the condition Ready to be True", told)


def _expression(word: str) -> Condition | Value:
    form, _, rest = word.partition("=")
    if form == "condition" and rest:
        kind, _, status = rest.partition("=")
        return Condition(kind, status or "True")
    found = _JSON_PATH.fullmatch(rest) if form == "jsonpath" else None
    if found is None:
        raise ExpressionError(f'expected a "jsonpath=" or "condition=" prefix, got {word!r}')
    if not _PLAIN.fullmatch(found["path"]):
        raise ExpressionError(f"the offline kubernetes plugin follows plain paths only, not {found['path']!r}")
    return Value(parse(found["path"]), f".{found['path']}", found["value"])


def _complaints(live: Object) -> tuple[str, ...]:
    """What the object's conditions say is wrong."""
    return tuple(
        f"[{each.get('type')}: {each.get('reason') or each.get('status')}] {each.get('message') or ''}".rstrip()
        for each in (live.get("status") or {}).get("conditions") or []
        if str(each.get("status")) != "True"
    )


def _as_text(value: Any) -> str:
    if isinstance(value, bool | dict | list):
        return json.dumps(value)
    return str(value)
