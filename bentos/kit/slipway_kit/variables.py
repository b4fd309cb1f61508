"""Settings that are read from the environment once, at start: all faults are told at once."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, Self

PREFIX = "SLIPWAY_"
_ALIKE = 0.9
"""From this likeness on, an unknown variable is taken for a misspelt one; other tools have variables of this prefix."""


class SettingsError(Exception):
    """The environment says what cannot be; `faults` has a line for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Accepts:
    """How a variable is read, and how that is said to a person."""

    read: Callable[[str], Any]
    says: str


def integer(least: int, most: int, unit: str) -> Accepts:
    """A whole number, bounds included."""

    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError
        return number

    return Accepts(read, f"a whole number of {unit} from {least} to {most}")


def number(least: float, most: float, unit: str) -> Accepts:
    """A finite number, bounds included."""

    def read(text: str) -> float:
        number = float(text)
        if not (math.isfinite(number) and least <= number <= most):
            raise ValueError
        return number

    return Accepts(read, f"a number {unit} from {least:g} to {most:g}")


def one_of(*choices: str) -> Accepts:
    """One of two words or more."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError
        return text

    return Accepts(read, " or ".join((", ".join(choices[:-1]), choices[-1])))


def words(says: str) -> Accepts:
    """Any text but an empty one."""

    def read(text: str) -> str:
        if not text.strip():
            raise ValueError
        return text

    return Accepts(read, says)


def variable(default: Any, accepts: Accepts, *, is_secret: bool = False) -> Any:
    """A field of `Variables`; no fault repeats what a secret one says."""
    return field(default=default, metadata={"accepts": accepts, "is_secret": is_secret})


class Variables:
    """Base of frozen dataclasses: a field's variable is its name in capitals behind `SLIPWAY_`."""

    __slots__ = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read every variable.

        Raises:
            SettingsError: With a line for each that says what it may not, or that looks misspelt.
        """
        known: dict[str, Field[Any]] = {PREFIX + each.name.upper(): each for each in fields(cls)}  # type: ignore[arg-type]
        faults = [
            f"{name} is none of the kit's variables; did you mean {close[0]}?"
            for name in sorted(environment)
            if name.startswith(PREFIX) and name not in known and (close := _alike(name, known))
        ]
        values: dict[str, Any] = {}
        for name, each in known.items():
            if name in environment:
                accepts = each.metadata["accepts"]
                try:
                    values[each.name] = accepts.read(environment[name])
                except ValueError:
                    said = "is something else" if each.metadata["is_secret"] else f"is {environment[name]!r}"
                    faults.append(f"{name} {said}, and must be {accepts.says}")
        settings = cls(**values)
        faults += settings.contradictions()
        if faults:
            raise SettingsError(faults)
        return settings

    def contradictions(self) -> list[str]:
        """What no two of these values can mean together."""
        return []


def _alike(name: str, known: Mapping[str, Field[Any]]) -> list[str]:
    return difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
