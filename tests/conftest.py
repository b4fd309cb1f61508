"""What every test may ask for: above all, one real stack on this machine, brought up once for all of them."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.embedded import preflight
from tests.live import Live, tracked_files_changed, until
from tests.snapshot import MARK, Snapshot

INSTANCE = "SLIPWAY_TEST_INSTANCE"
"""Names an instance to use instead of one of the tests' own: it is neither brought up nor taken down."""

BEFORE = "SLIPWAY_TEST_BEFORE"
"""Names a file with a snapshot of this machine (`python -m tests.snapshot FILE`), older than what is compared."""

OWNED = "SLIPWAY_TEST_OWNED"
"""Set where that instance was brought up for the tests, which may harm it and take it down (tests/run.py)."""

CHANGED = "SLIPWAY_TEST_CHANGED"
"""What git saw as changed before anything was started, where `tests/run.py` runs the tests."""

READY = "SLIPWAY_TEST_READY"
"""Names a file that is there once that instance is up; without, it is."""

FIRST = (
    "slipway/test_platform.py",
    "infra/test_program.py",
    "slipway/embedded/aws/test_endpoint.py",
    "slipway/engines/test_engines.py",
    "slipway/embedded/fleet/test_controller.py",
    "bentos/kit/around/test_review.py",
    "slipway/plugins/aws/test_cycle.py",
    "slipway/plugins/test_engine.py",
    "slipway/plugins/test_interruption.py",
    "slipway/test_environment.py",
    "slipway/plugins/kubernetes/test_releases.py",
    "slipway/plugins/kubernetes/test_life.py",
    "slipway/plugins/kubernetes/test_readiness.py",
    "slipway/plugins/kubernetes/test_kinds.py",
    "bentos/test_api_of_bentos.py",
    "bentos/test_risk.py",
    "bentos/test_digits.py",
    "bentos/kit/test_server.py",
    "bentos/kit/test_frozen_context.py",
    "slipway/test_catalog.py",
    "slipway/test_cli.py",
)
"""Files that take long, in the order of their turn: what several workers share ends earlier when these begin early.

The first ones need no stack, which is not up yet when they begin.
"""

_UP_SECONDS = 600.0

FAULT = "SLIPWAY_TEST_FAULT"
"""Names a way to break the plugin for this run (tests/faults/catalog.py)."""

os.environ[MARK] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="write the golden files instead of comparing with them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)
    with_a_node = [item for item in items if item.get_closest_marker("node")]
    lacks = preflight.lacks_of_node() if with_a_node else []
    for item in with_a_node if lacks else ():
        item.add_marker(pytest.mark.skip(reason=f"needs a node: {lacks[0].what}"))


def _turn(item: pytest.Item) -> tuple[bool, int]:
    file = item.path.relative_to(Path(__file__).parent).as_posix()
    return item.get_closest_marker("last") is not None, FIRST.index(file) if file in FIRST else len(FIRST)


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
    ready = os.environ.get(READY)
    try:
        if not given:
            stack.up()
        elif ready:
            until(Path(ready).exists, "the stack that the tests share", _UP_SECONDS)
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
