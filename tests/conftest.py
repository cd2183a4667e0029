"""The whole suite is listened to, so that every gateway it starts can be searched for what it was sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.envoy.handed_out import HANDED_OUT, listen


@pytest.fixture(scope="session", autouse=True)
def heard() -> Iterator[None]:
    """Before any gateway starts."""
    with listen(HANDED_OUT):
        yield
