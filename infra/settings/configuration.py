"""The keys of `config` as Pulumi understands them: namespaces, the project's own for bare keys, and no secrets.

https://www.pulumi.com/docs/iac/concepts/config/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.settings.faults import Finding
from infra.settings.wording import Where, listed, near

NAMESPACE = "slipway"
"""The project's name in `Pulumi.yaml`: what a key without a namespace belongs to."""
OURS = (NAMESPACE, "aws")
"""Namespaces whose keys the schema knows."""
OTHERS = ("kubernetes", "pulumi")
"""Namespaces whose keys are for a plugin or the engine, and are not looked into."""

_NO_SECRETS = (
    "holds a secret, and no stack file does, not even encrypted: keep it in AWS Secrets Manager, refer to it there by "
    "name, and take this out"
)


@dataclass(frozen=True)
class Configuration:
    """The keys of `config`, in full.

    Attributes:
        values: Every value by its full key.
        written: How each full key is written in the file.
        findings: Keys that are none.
    """

    values: Mapping[str, Any]
    written: Mapping[str, str]
    findings: list[Finding]

    @property
    def settings(self) -> dict[str, Any]:
        """The values that the schema knows."""
        return {key: value for key, value in self.values.items() if _namespace(key) in OURS}


def resolve(config: Mapping[str, Any]) -> Configuration:
    """Give every key its full name; refuse those that belong to nobody, or are there twice."""
    values: dict[str, Any] = {}
    written: dict[str, str] = {}
    findings: list[Finding] = []
    for given, value in config.items():
        key = given if ":" in given else f"{NAMESPACE}:{given}"
        what = _refusal(key) or (
            f"is given twice: `{written[key]}` and `{given}` are the same" if key in written else ""
        )
        if what:
            findings.append(Finding(("config", given), what))
        else:
            values[key], written[key] = value, given
    return Configuration(values, written, findings)


def secrets(content: Any, where: Where = ()) -> Iterator[Finding]:
    """Find secrets at any depth: Pulumi's `secure:`, and `fn::secret` of an environment."""
    if isinstance(content, dict):
        if where and ("fn::secret" in content or _is_ciphertext(content)):
            yield secret(where)
            return
        for key, value in content.items():
            yield from secrets(value, (*where, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from secrets(value, (*where, index))


def secret(where: Where) -> Finding:
    """What is said of a secret."""
    return Finding(where, _NO_SECRETS)


def _refusal(key: str) -> str:
    parts, namespace = key.split(":"), _namespace(key)
    if namespace not in (*OURS, *OTHERS):
        hint = near(namespace, (*OURS, *OTHERS))
        return f"is in an unknown namespace; {hint}the namespaces here are {listed((*OURS, *OTHERS))}"
    if parts[1] == "config" and len(parts) > 2:
        return f"is the old form of a key; write `{namespace}:{':'.join(parts[2:])}`"
    return ""


def _namespace(key: str) -> str:
    return key.partition(":")[0]


def _is_ciphertext(content: Mapping[str, Any]) -> bool:
    # A model may be called `secure`: its entry is a map, and a ciphertext is none.
    return not isinstance(content.get("secure", {}), dict)
