"""What a fault is."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Fault:
    """A way to be broken.

    Attributes:
        test: The test that is there to notice, as pytest names it.
        apply: Breaks something for as long as the monkeypatch lasts.
    """

    test: str
    apply: Callable[[pytest.MonkeyPatch], None]
