"""What every test may ask for: above all, one real stack on this machine, brought up once for all of them."""

import os
import secrets
from collections.abc import Iterator

import pytest

from tests.live import Live, tracked_files_changed
from tests.snapshot import Snapshot

INSTANCE = "SLIPWAY_TEST_INSTANCE"
"""Names an instance to use instead of one of the tests' own: it is neither brought up nor taken down."""

FAULT = "SLIPWAY_TEST_FAULT"
"""Names a way to break the plugin for this run (tests/faults/catalog.py)."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write the golden files instead of comparing with them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def before() -> Snapshot:
    """This machine before the tests started anything."""
    return Snapshot.take()


@pytest.fixture(scope="session")
def live(before: Snapshot) -> Iterator[Live]:
    """The local stack, up on this machine in an instance of the tests' own."""
    given = os.environ.get(INSTANCE)
    stack = Live(given or f"test-{secrets.token_hex(3)}", before, tracked_files_changed())
    try:
        if not given:
            stack.up()
        yield stack
    finally:
        stack.close()
        if not given:
            stack.down()


@pytest.fixture(autouse=True)
def fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break what this run is meant to break; nothing, ordinarily."""
    name = os.environ.get(FAULT)
    if name:
        from tests.faults.catalog import FAULTS  # noqa: PLC0415  # ordinarily not needed

        FAULTS[name].apply(monkeypatch)
