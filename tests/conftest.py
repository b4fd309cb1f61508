"""What every test may ask for: above all, one real stack on this machine, brought up once for all of them."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import Live, tracked_files_changed
from tests.snapshot import Snapshot

INSTANCE = "SLIPWAY_TEST_INSTANCE"
"""Names an instance to use instead of one of the tests' own: it is neither brought up nor taken down."""

BEFORE = "SLIPWAY_TEST_BEFORE"
"""Names a file with a snapshot of this machine (`python -m tests.snapshot FILE`), older than what is compared."""

OWNED = "SLIPWAY_TEST_OWNED"
"""Set where that instance was brought up for the tests, which may harm it and take it down (tests/run.py)."""

CHANGED = "SLIPWAY_TEST_CHANGED"
"""What git saw as changed before anything was started, where `tests/run.py` runs the tests."""

PARTS = ("alone", "live", "last")
"""Tests that need no stack; tests that do; tests that take it down."""

FAULT = "SLIPWAY_TEST_FAULT"
"""Names a way to break the plugin for this run (tests/faults/catalog.py)."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--part", choices=PARTS, help="only the tests that need no stack, that do, or that take it down")
    parser.addoption("--golden", action="store_true", help="write the golden files instead of comparing with them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    wanted = config.getoption("--part")
    if wanted:
        left_out = [item for item in items if part_of(item) != wanted]
        items[:] = [item for item in items if part_of(item) == wanted]
        config.hook.pytest_deselected(items=left_out)


def part_of(item: pytest.Item) -> str:
    """Which of `PARTS` a test is of."""
    if item.get_closest_marker("last") is not None:
        return "last"
    return "live" if "live" in getattr(item, "fixturenames", ()) else "alone"


@pytest.fixture(scope="session")
def before() -> Snapshot:
    """This machine before anything of ours was started: before `make test` builds an image, where that runs them."""
    kept = os.environ.get(BEFORE)
    return Snapshot.read(Path(kept)) if kept else Snapshot.take()


@pytest.fixture(scope="session")
def live(before: Snapshot) -> Iterator[Live]:
    """The local stack, up on this machine in an instance of the tests' own."""
    given = os.environ.get(INSTANCE)
    stack = Live(
        given or f"test-{secrets.token_hex(3)}",
        before,
        os.environ.get(CHANGED, tracked_files_changed()),
        is_shared=bool(given and not os.environ.get(OWNED)),
    )
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
