"""Names that the catalog does not know, and what was probably meant."""

import difflib
from collections.abc import Collection

_MOST = 12


class UnknownNameError(LookupError):
    """A family, type, GPU model, zone or region that the catalog does not have; the message says which it has.

    Attributes:
        kind: What was looked for, such as `instance type`.
        name: What was written.
        near: Its closest neighbours, the closest first; often empty.
    """

    def __init__(
        self, kind: str, name: str, known: Collection[str], *, hint: str = "", whose: str = "the catalog"
    ) -> None:
        self.kind = kind
        self.name = name
        self.near = close(name, known)
        if self.near:
            told = f"did you mean {_listed(self.near, 'or')}?"
        elif len(known) <= _MOST:
            told = f"it has {_listed(sorted(known), 'and')}"
        else:
            told = f"it has {len(known)}, such as {_listed(sorted(known)[:5], 'and')}"
        super().__init__(f"{whose} has no {kind} `{name}`: {told}{f'; {hint}' if hint else ''}")


def close(name: str, known: Collection[str]) -> tuple[str, ...]:
    """Up to three names that are nearly this one, the nearest first."""
    lowered = {each.lower(): each for each in sorted(known)}
    return tuple(lowered[each] for each in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6))


def _listed(names: Collection[str], word: str) -> str:
    *most, last = [f"`{name}`" for name in names]
    return f"{', '.join(most)} {word} {last}" if most else last
