"""Pages of a list, as AWS gives them: a token says where the next one begins."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def page(items: Sequence[T], size: int | None, token: str | None) -> tuple[Sequence[T], str | None]:
    """One page, and the token of the next one, None after the last.

    Args:
        items: All of them, in an order that does not change.
        size: How many a page holds at most; None for all.
        token: What the page before came with.
    """
    start = int(token) if token and token.isdigit() else 0
    end = len(items) if not size else start + int(size)
    return items[start:end], str(end) if end < len(items) else None
