"""Processes that have leased money and are killed by SIGKILL: what they granted is covered, no limit is exceeded, time closes all."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import AccountStatus, read_accounts
from gateway_ext.limits import NANO
from tests.unit.budget.leases.lease_worker import AMOUNT, LIMIT, TTL_SECONDS
from tests.unit.budget.reservations import FixedClock, assert_books_balance, hold_states

ROOT = Path(__file__).parents[4]
LEASE_SECONDS = 60


def granted_until_killed(path: Path, processes: int, at_least: int) -> list[str]:
    """The ids that they printed: what had been forwarded when they died."""
    outputs = [path.with_name(f"granted-{number}") for number in range(processes)]
    workers = []
    for number, output in enumerate(outputs):
        command = [sys.executable, "-m", "tests.unit.budget.leases.lease_worker", str(path), f"p{number}-"]
        with output.open("wb") as file:
            workers.append(subprocess.Popen(command, stdout=file, cwd=ROOT))
    deadline = time.monotonic() + 60
    while min(output.read_bytes().count(b"\n") for output in outputs) < at_least:
        assert time.monotonic() < deadline
        assert all(worker.poll() is None for worker in workers)
        time.sleep(0.001)
    for worker in workers:
        worker.kill()
        worker.wait(20)
    return [line for output in outputs for line in output.read_text().split("\n")[:-1]]


def team(path: Path) -> AccountStatus:
    (account,) = read_accounts(path)
    return account


async def test_what_the_dead_have_granted_is_covered_and_no_limit_is_exceeded(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    granted = granted_until_killed(path, processes=2, at_least=300)
    assert_books_balance(path)
    found = team(path)
    assert len(granted) * AMOUNT <= found.held_nano + found.posted_nano <= LIMIT
    written = {key for key in hold_states(path) if not key.startswith("lease-")}
    assert len(written) > len(granted) // 2  # all but the last milliseconds'

    clock = FixedClock(time.time_ns() + LEASE_SECONDS * NANO)
    control = SqliteLedger(path, clock)
    await control.open()
    recovered = await control.expire(clock.now)
    assert {each.hold_id[:6] for each in recovered} == {"lease-"}
    assert max(each.cost_nano for each in recovered) <= LIMIT // 64  # a slice
    for key in written:
        assert await control.void(key, "test") is not None
    assert len(set(granted) - written) * AMOUNT <= team(path).posted_nano
    assert team(path).held_nano == 0
    assert await control.expire(clock.now + TTL_SECONDS * NANO) == []
    await control.close()
    assert_books_balance(path)
