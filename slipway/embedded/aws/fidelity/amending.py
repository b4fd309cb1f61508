"""How an amendment replaces something of moto's, so that a test can put it back."""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_ABSENT = object()
_restoring: list[Callable[[], None]] = []


def replace(owner: Any, name: str, value: Any) -> None:
    """Set an attribute of one of moto's classes or modules."""
    before = vars(owner).get(name, _ABSENT)

    def put_back() -> None:
        if before is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

    _restoring.append(put_back)
    setattr(owner, name, value)


def route(paths: dict[str, Any], path: str, handler: Any) -> None:
    """Let moto answer at a path where it did not."""
    if path not in paths:
        _restoring.append(lambda: paths.pop(path, None))
        paths[path] = handler


def undo() -> None:
    """Leave moto as it came."""
    while _restoring:
        _restoring.pop()()


def kept(backend: Any, name: str, make: Callable[[], T]) -> T:
    """State of ours that lives, and is reset, with one of moto's backends (one per account and region)."""
    state: T = backend.__dict__.setdefault(name, make())
    return state
