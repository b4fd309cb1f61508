"""Reads a stack, from the engine's configuration or from the file, into `Settings`; tells all its faults at once."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.settings import configuration, consistency, documents
from infra.settings.explaining import explain
from infra.settings.faults import Fault, Finding, SettingsError
from infra.settings.schema import Settings, StackFile
from infra.settings.wording import Where, named, shown


@dataclass(frozen=True)
class Parsed:
    """A stack file without a fault.

    Attributes:
        settings: What it says.
    """

    settings: Settings
    _places: "_Places"

    def fault(self, where: Where, what: str) -> Fault:
        """A fault that only shows beyond the file, such as a bento that is not there.

        Args:
            where: Keys from the top, in full: `("config", "slipway:models", "digits", "image")`.
            what: What is wrong.
        """
        return self._places.fault(Finding(where, what))


def load(config: Mapping[str, str], *, stack: str, secrets: Iterable[str] = ()) -> Settings:
    """Read what the engine gives a program: every key with its value as text, structures as JSON.

    Args:
        config: As `pulumi.runtime.get_config_env()`.
        stack: The stack's name, for messages.
        secrets: Keys that the engine has decrypted, as `pulumi.runtime.config.get_config_secret_keys_env()`.

    Raises:
        SettingsError: With everything that is wrong.
    """
    keys = configuration.resolve({key: _structure(text) for key, text in config.items()})
    findings = [
        *keys.findings,
        *(configuration.secret(("config", key)) for key in secrets),
        *configuration.secrets({"config": keys.values}),
    ]
    try:
        settings = Settings.model_validate(keys.settings)
    except ValidationError as error:
        findings += explain(error, keys.settings, ("config",))
    findings += _together(keys.settings, findings)
    if findings:
        raise SettingsError(f"stacks/Pulumi.{stack}.yaml", _Places({}, {}).faults(findings))
    return settings


def load_file(path: Path) -> Settings:
    """Read a stack file itself; faults then carry line numbers.

    Raises:
        SettingsError: With everything that is wrong.
    """
    return parse_file(path).settings


def parse_file(path: Path) -> Parsed:
    """Read a stack file, and keep where its keys stand.

    Raises:
        SettingsError: With everything that is wrong.
    """
    file = f"stacks/{path.name}"
    try:
        document = documents.read(path.read_bytes())
    except documents.NotYamlError as error:
        raise SettingsError(file, [Fault("", error.finding.what, error.finding.line)]) from error
    except OSError as error:
        raise SettingsError(file, [Fault("", f"cannot be read: {error.strerror}")]) from error
    content = document.content
    if not isinstance(content, dict):
        raise SettingsError(file, [Fault("", f"this is {shown(content)}; a map with the key `config` is expected", 1)])
    config = content.get("config")
    keys = configuration.resolve(config if isinstance(config, dict) else {})
    places = _Places(document.lines, keys.written)
    findings = [
        *map(places.in_full, document.findings),
        *keys.findings,
        *configuration.secrets({**content, "config": keys.values}),
    ]
    known = {**content, "config": keys.settings} if isinstance(config, dict) else content
    try:
        stack = StackFile.model_validate(known)
    except ValidationError as error:
        findings += explain(error, known)
    findings += _together(keys.settings, findings)
    if findings:
        raise SettingsError(file, places.faults(findings))
    return Parsed(stack.config, places)


@dataclass(frozen=True)
class _Places:
    """Where the keys of a file stand, and how they are written there."""

    lines: Mapping[Where, int]
    written: Mapping[str, str]

    def faults(self, findings: Iterable[Finding]) -> list[Fault]:
        """Faults with key and line; of what is below one, nothing more is said."""
        told: dict[Where, Finding] = {}
        for finding in findings:
            if not any(finding.where[:length] in told for length in range(1, len(finding.where) + 1)):
                told[finding.where] = finding
        return [self.fault(finding) for finding in told.values()]

    def fault(self, finding: Finding) -> Fault:
        return Fault(named(finding.where), finding.what, finding.line or self._line(finding.where))

    def in_full(self, finding: Finding) -> Finding:
        """A finding of the document, its key in full."""
        full = {given: key for key, given in self.written.items()}
        return Finding(_renamed(finding.where, full), finding.what, finding.line)

    def _line(self, where: Where) -> int:
        """The line of a key, or of the nearest one above it that is in the file."""
        where = _renamed(where, self.written)
        return next((self.lines[where[:end]] for end in range(len(where), 0, -1) if where[:end] in self.lines), 0)


def _together(config: Mapping[str, Any], findings: Iterable[Finding]) -> list[Finding]:
    """What the sections that are right in themselves say of each other."""
    faulty = {str(finding.where[1]) for finding in findings if len(finding.where) > 1}
    try:
        settings = Settings.model_validate({key: value for key, value in config.items() if key not in faulty})
    except ValidationError:  # a section that is wrong because another one was left out
        return []
    return list(consistency.findings(settings, faulty))


def _renamed(where: Where, names: Mapping[str, str]) -> Where:
    """A place in `config`, its key written otherwise."""
    match where:
        case ("config", str(key), *below):
            return ("config", names.get(key, key), *below)
    return where


def _structure(text: str) -> Any:
    """A structure, which the engine gives as JSON; or the text itself."""
    if not text.startswith(("{", "[")) and text != "null":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
