"""The whole suite is listened to, so that every gateway it starts can be searched for what it was sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.envoy.examination import TOTAL
from tests.envoy.handed_out import HANDED_OUT, listen


@pytest.fixture(scope="session", autouse=True)
def heard() -> Iterator[None]:
    """Before any gateway starts."""
    with listen(HANDED_OUT):
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was searched for what must be written nowhere: a search of nothing is seen here."""
    if TOTAL.extent.places:
        terminalreporter.write_line(
            f"searched for credentials, keys, secrets and texts: {TOTAL.extent}; {TOTAL.violations} found where they must"
            f" not be, {TOTAL.allowed} where they lie"
        )
