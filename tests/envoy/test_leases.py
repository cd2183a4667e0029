"""Leases behind a real Envoy, on a real PostgreSQL: two processors grant from memory or Redis, and settle for each other."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from gateway_ext.budget.postgres.migrate import migrate
from tests.envoy.stack import Stack, chat, running_stack
from tests.servers.postgres import Postgres, running_postgres
from tests.servers.redis import running_redis

pytestmark = pytest.mark.envoy

REQUESTS = 60
CLIENTS = 6
GIVEN_BACK_SECONDS = 15.0  # idle for three, tended each second


@pytest.fixture
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        migrate(server.url)
        yield server


@pytest.fixture(params=["own", "shared"])
def stack(request: pytest.FixtureRequest, tmp_path: Path, server: Postgres) -> Iterator[Stack]:
    settings = f"ledger_url: {server.url}\nledger_leases: on\n"
    with contextlib.ExitStack() as cleanup:
        if request.param == "shared":
            settings += f"redis_url: {cleanup.enter_context(running_redis()).url}\n"
        yield cleanup.enter_context(running_stack(tmp_path / "stack", settings=settings))


async def statuses(stack: Stack) -> Counter[int]:
    """Of REQUESTS, by a few clients that ask again as soon as they are answered; other connections, other processors."""
    found: Counter[int] = Counter()
    numbers = iter(range(REQUESTS))
    headers = {"authorization": f"Bearer {stack.token()}"}

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=stack.base_url, headers=headers, timeout=30, trust_env=False) as client:
            for _ in numbers:
                answer = await client.post("/chat/completions", json=chat("hello there", max_tokens=64))
                found[answer.status_code] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(ask())
    return found


async def states(server: Postgres) -> Counter[tuple[str, str]]:
    connection = await asyncpg.connect(server.url, server_settings={"search_path": "gateway"})
    try:
        rows = await connection.fetch("SELECT id, state FROM hold")
    finally:
        await connection.close()
    return Counter(("lease" if row["id"].startswith("lease-") else "request", row["state"]) for row in rows)


async def sums(server: Postgres) -> list[tuple[int, int, int]]:
    """Of each account: held, posted, and what its requests cost."""
    connection = await asyncpg.connect(server.url, server_settings={"search_path": "gateway"})
    try:
        rows = await connection.fetch("""
            SELECT held_nano, posted_nano, (SELECT sum(cost_nano) FROM hold WHERE account.key = ANY(accounts)) FROM account""")
    finally:
        await connection.close()
    return [(row[0], row[1], int(row[2])) for row in rows]


async def test_all_is_granted_settled_and_given_back(stack: Stack, server: Postgres) -> None:
    assert await statuses(stack) == {200: REQUESTS}
    deadline = time.monotonic() + GIVEN_BACK_SECONDS
    found = await states(server)
    while any(state == "held" for _, state in found):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.2)
        found = await states(server)
    assert found["request", "posted"] == REQUESTS
    assert 1 <= found["lease", "void"] <= REQUESTS // 2  # how few depends on how many ask at a time
    assert len(found) == 2
    for held, posted, costs in await sums(server):
        assert held == 0
        assert posted == costs > 0
