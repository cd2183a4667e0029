"""No limit is exceeded by slices that processors share in a real Redis, which forgets all of them at any moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import rule

from gateway_ext.budget.leases.slices import Slices
from gateway_ext.budget.redis.slices import RedisSlices
from tests.properties.leases_machine import Leases
from tests.servers.redis import Redis, running_redis

servers: list[Redis] = []


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    with running_redis() as server:
        servers.append(server)
        yield


class SharedLeases(Leases):
    def __init__(self) -> None:
        servers[-1].do("FLUSHALL")  # what another ledger's processors left
        super().__init__()

    def slices(self) -> Slices:
        return RedisSlices(servers[-1].url)

    @rule()
    def flush(self) -> None:
        servers[-1].do("FLUSHALL")
        self.has_lost = True


TestSharedLeases = SharedLeases.TestCase
TestSharedLeases.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
