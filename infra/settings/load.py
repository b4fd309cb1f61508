"""Reads the `slipway:` keys of a stack, from the engine's configuration or from the file, into `Settings`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from infra.settings.faults import Fault, SettingsError
from infra.settings.schema import Settings

NAMESPACE = "slipway"
_SECRETS = {"secretsprovider", "encryptedkey", "encryptionsalt"}
_TOP = {"config", "environment", "imports", *_SECRETS}


def load(config: Mapping[str, str], *, stack: str) -> Settings:
    """Read what the engine gives a program: every key with its value as text, structures as JSON.

    Args:
        config: As `pulumi.runtime.get_config_env()`.
        stack: The stack's name, for messages.

    Raises:
        SettingsError: With everything that is wrong.
    """
    raw: dict[str, Any] = {}
    for key, text in config.items():
        namespace, _, name = key.partition(":")
        if namespace == NAMESPACE:
            raw[name] = _structure(text)
    return _validate(raw, file=f"stacks/Pulumi.{stack}.yaml", lines={})


def load_file(path: Path) -> Settings:
    """Read a stack file itself; faults then carry line numbers.

    Raises:
        SettingsError: With everything that is wrong.
    """
    file = f"stacks/{path.name}"
    text = path.read_text()
    try:
        content = yaml.safe_load(text)
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = f"this is not YAML: {getattr(error, 'problem', None) or error}"
        raise SettingsError(file, [Fault("", what, mark.line + 1 if mark else 0)]) from error
    config = content.get("config") if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise SettingsError(file, [Fault("config", "a stack file is a map with the key `config`, itself a map")])
    lines = _lines(tree)
    raw = {str(k).partition(":")[2]: v for k, v in config.items() if str(k).startswith(f"{NAMESPACE}:")}
    return _validate(raw, file=file, lines=lines)


def _structure(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _validate(raw: Mapping[str, Any], *, file: str, lines: Mapping[tuple[str, ...], int]) -> Settings:
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        faults = [_fault(each, lines) for each in error.errors(include_url=False)]
        raise SettingsError(file, faults) from None


def _fault(error: Any, lines: Mapping[tuple[str, ...], int]) -> Fault:
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    key = f"{NAMESPACE}:{'.'.join(path)}"
    value = error.get("input")
    match error["type"]:
        case "missing":
            what = "is missing"
        case "extra_forbidden":
            what = "is not a key; " + _known(path[:-1])
        case "value_error":
            what = str(error["ctx"]["error"])
        case "model_type" | "dict_type" | "model_attributes_type":
            what = f"is {value!r}; a map is expected, with {_known(path)}"
        case _:
            what = f"is {value!r}; {error['msg'][0].lower()}{error['msg'][1:]}"
    return Fault(key, what, _line(path, lines))


def _known(path: tuple[str, ...]) -> str:
    """The keys that a section has, found by walking the schema."""
    section: Any = Settings
    for part in path:
        field = next((f for name, f in section.model_fields.items() if (f.alias or name) == part), None)
        if field is not None:
            section = field.annotation
        if getattr(section, "__origin__", None) is dict:
            section = section.__args__[1]
            continue
        if not hasattr(section, "model_fields"):
            return "no keys below it"
    if not hasattr(section, "model_fields"):
        return "no keys below it"
    return "the keys here are " + ", ".join(sorted(f.alias or name for name, f in section.model_fields.items()))


def _line(path: tuple[str, ...], lines: Mapping[tuple[str, ...], int]) -> int:
    """The line of a key, or of the nearest one above it that is in the file."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 0


def _lines(tree: Any) -> dict[tuple[str, ...], int]:
    """Where every key below `config` stands, its `slipway:` taken off."""
    found: dict[tuple[str, ...], int] = {}

    def walk(node: Any, path: tuple[str, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = str(key.value)
                here = (*path, name.removeprefix(f"{NAMESPACE}:") if not path else name)
                found[here] = key.start_mark.line + 1
                walk(value, here)

    for key, value in tree.value:
        if key.value == "config":
            walk(value, ())
    return found
