"""A fresh Envoy for each test: it starts in a third of a second, and tests may break it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.envoy.config.scripted import Gateway, scripted_gateway


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with scripted_gateway(tmp_path) as running:
        yield running
