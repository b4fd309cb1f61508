"""Tells at the end what the drills measured."""

import pytest

from tests.drills import report
from tests.drills.figures import FIGURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if FIGURES:
        terminalreporter.section("measured")
        for what, value in FIGURES:
            terminalreporter.write_line(f"{value:>10}  {what}")
    written = report.write()
    if written is not None:
        terminalreporter.write_line(f"report: {written}")
