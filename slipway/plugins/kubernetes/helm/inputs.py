"""What a program says of a release: which inputs are followed, their defaults, their differences. Pure functions.

As the official plugin (`provider/pkg/provider/helm_release.go` of pulumi/pulumi-kubernetes).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.plugins.properties import Secret, Unknown, reveal

Inputs = dict[str, Any]
DEFAULT_SECONDS = 300
FOLLOWED = frozenset(
    {
        "atomic",
        "chart",
        "cleanupOnFail",
        "createNamespace",
        "dependencyUpdate",
        "description",
        "disableCRDHooks",
        "disableOpenapiValidation",
        "disableWebhooks",
        "forceUpdate",
        "maxHistory",
        "name",
        "namespace",
        "renderSubchartNotes",
        "repositoryOpts",
        "resetValues",
        "reuseValues",
        "skipAwait",
        "skipCrds",
        "timeout",
        "values",
        "version",
        "waitForJobs",
    }
)
"""Inputs with an effect. `dependencyUpdate` has none where the chart is one of the engine cache, with all it needs."""
_OF_THE_SDK = frozenset({"compat"})
"""What Pulumi's own library adds."""
FORCING = ("name", "namespace")
"""What cannot be changed without another release."""


def completed(inputs: Inputs, old: Inputs, *, name: str, namespace: str) -> Inputs:
    """Inputs with what need not be written: a name that stays, a namespace, a limit to the wait.

    Args:
        inputs: As the program has them.
        old: As they were before; empty for a new resource.
        name: The name for a release that is given none and had none.
        namespace: The namespace for a release that is given none.
    """
    full = {key: value for key, value in inputs.items() if key not in _OF_THE_SDK}
    if not reveal(full.get("name")):
        full["name"] = old.get("name") or name
    if not reveal(full.get("namespace")):
        full["namespace"] = namespace
    if not reveal(full.get("skipAwait")) and "timeout" not in full:
        full["timeout"] = DEFAULT_SECONDS
    return full


def faults(inputs: Inputs) -> list[tuple[str, str]]:
    """What cannot be followed, as property and reason. An input that asks for nothing is not held against anyone."""
    asked = {name for name, value in inputs.items() if reveal(value) not in (False, None, "", [], {})}
    followed = ", ".join(sorted(FOLLOWED))
    found = [
        (name, f"the offline kubernetes plugin does not follow {name} of a release; it follows {followed}")
        for name in sorted(asked - FOLLOWED - _OF_THE_SDK)
    ]
    options = reveal(inputs.get("repositoryOpts")) or {}
    if isinstance(options, Mapping):
        found += [
            (f"repositoryOpts.{name}", "the offline kubernetes plugin asks no repository; it follows repo, as a name")
            for name in sorted(set(options) - {"repo"})
        ]
    if not reveal(inputs.get("chart")):
        found.append(("chart", "a release needs a chart"))
    return found


def repository(inputs: Inputs) -> str:
    """The repository that is named; empty where it is none."""
    options = reveal(inputs.get("repositoryOpts")) or {}
    return str(options.get("repo") or "") if isinstance(options, Mapping) else ""


def values(inputs: Inputs) -> dict[str, Any]:
    """The values as plain ones, secrets included."""
    given = reveal(inputs.get("values")) or {}
    return dict(given) if isinstance(given, Mapping) else {}


def seconds(inputs: Inputs, asked: float) -> int:
    """How long to wait at most: Pulumi's `customTimeouts`, else the input."""
    return int(asked or reveal(inputs.get("timeout")) or DEFAULT_SECONDS)


def secrets(value: Any, *, hidden: bool = False) -> Iterator[str]:
    """Every text in a value that is secret."""
    if isinstance(value, Secret):
        yield from secrets(value.value, hidden=True)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from secrets(each, hidden=hidden)
    elif isinstance(value, list):
        for each in value:
            yield from secrets(each, hidden=hidden)
    elif hidden and not isinstance(value, bool | Unknown):
        yield str(value)


def redacted(text: str, inputs: Inputs) -> str:
    """A text without what is secret in the inputs. Secrets of a few letters would be found in any word: they stay."""
    for secret in sorted(secrets(inputs), key=len, reverse=True):
        if len(secret) > _SHORT:
            text = text.replace(secret, "[secret]")
    return text


_SHORT = 3
