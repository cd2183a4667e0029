"""kill -9 at any point between reserve and settle: books that balance, nothing acknowledged is lost, nothing stays held."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_ext.budget.postgres.migrate import migrate
from tests.faults.ledger_at import balances, ledger_at, require_balance, states
from tests.servers.postgres import running_postgres
from tests.unit.budget.reservations import NOW, TTL

PROJECT = Path(__file__).parents[2]
KILLS = 1_000


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "ledger.sqlite")
        return
    with running_postgres() as server:
        migrate(server.url)
        yield server.url


@pytest.mark.timeout(600)
def test_processes_killed_at_any_point(address: str) -> None:
    seed = secrets.randbits(32)
    command = [sys.executable, "-m", "tests.faults.ledger_victims", address, str(KILLS), str(seed)]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"seed {seed}: {ended.stderr}"
    acknowledged: dict[str, str] = json.loads(ended.stdout)
    require_balance(address)

    found = states(address)
    assert set(acknowledged) <= set(found), "a hold that was granted is gone"
    settled = {hold: state for hold, state in acknowledged.items() if state != "held"}
    assert {hold: found[hold] for hold in settled} == settled, "a settlement that was acknowledged is gone"
    assert settled
    assert "held" in found.values(), "nobody died between reserve and settle"

    asyncio.run(sweep(address))
    assert "held" not in states(address).values()
    assert not any(held for held, _ in balances(address).values())
    require_balance(address)


async def sweep(address: str) -> None:
    """What the control process does, when all that was held is past its time."""
    ledger = ledger_at(address)
    await ledger.open()
    while await ledger.expire(NOW + TTL):
        pass
    await ledger.close()
