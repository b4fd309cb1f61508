"""What drills measure on their way: told at the end, never asserted."""

FIGURES: list[tuple[str, str]] = []
"""What was measured, and how much, in the order it was seen."""


def figure(what: str, value: float | str) -> None:
    """Keep a figure; a number is of seconds."""
    FIGURES.append((what, value if isinstance(value, str) else f"{value:.1f} s"))
