"""Tells at the end what the drills measured."""

import pytest

from tests.drills.figures import FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("measured")
        for what, value in FIGURES:
            terminalreporter.write_line(f"{value:>10}  {what}")
