"""One gateway for all tests that only talk to it; those that break things start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.envoy.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(autouse=True)
def healthy_provider(request: pytest.FixtureRequest) -> None:
    """Faults and memories of one test do not reach the next."""
    if "stack" in request.fixturenames:
        running: Stack = request.getfixturevalue("stack")
        for deployment in ("us", "eu"):
            running.simulate(deployment, tokens_per_second=0, token_characters=0)
        running.forget_upstream_log()
