"""Processes that use a ledger and are killed: `python -m tests.faults.ledger_victims LEDGER KILLS SEED`.

Each has several requests under way, and dies at a point drawn by lot: on SQLite before any one of its statements, BEGIN and
COMMIT included, on PostgreSQL at any turn of its event loop, so before and after any message to the server. Two use the
ledger at a time. Prints what the ledger had acknowledged to them, as JSON: {hold: "held", "posted" or "void"}.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import selectors
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from gateway_ext.budget import sqlite_file
from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.rules import AccountLine, Settlement
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.exchange import Usage
from tests.faults.ledger_at import is_postgres, ledger_at, require_balance
from tests.unit.budget.reservations import reservation

# The first requests of a process are over by then, and others begun.
SQLITE_POINTS_MAX = 90
POSTGRES_POINTS_MAX = 120
ALIVE = 2
UNDER_WAY = 3  # requests of one process
CHECKED_EVERY = 100  # deaths
LIMIT_NANO = 10**9


class Death:
    """Comes at the so-many-th point after `arm`."""

    def __init__(self, points: int) -> None:
        self._points = points
        self._is_armed = False

    def arm(self) -> None:
        self._is_armed = True

    def point(self, *_: object) -> None:
        self._points -= self._is_armed
        if self._points < 0:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalSelector(selectors.SelectSelector):
    """One point before each wait of the event loop, when all that was written has been sent."""

    def __init__(self, death: Death) -> None:
        super().__init__()
        self._death = death

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._death.point()
        return super().select(timeout)


def victim(address: str, number: int, death: Death, told: int) -> None:
    """Never returns by itself. Tells the descriptor `told` what was acknowledged: "hold state" lines."""
    if is_postgres(address):
        loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop(MortalSelector(death))
    else:
        loop = asyncio.new_event_loop()
        pytest.MonkeyPatch().setattr("gateway_ext.budget.sqlite_ledger.connect", lambda path: _traced(path, death))
    loop.run_until_complete(_use(ledger_at(address), number, death, told))


def _traced(path: Path, death: Death) -> sqlite3.Connection:
    connection = sqlite_file.connect(path)
    connection.set_trace_callback(death.point)  # called before each statement, by the writing thread, too
    return connection


async def _use(ledger: SqliteLedger | PostgresLedger, number: int, death: Death, told: int) -> None:
    await ledger.open()
    death.arm()

    async def request(hold_id: str) -> None:
        period, before = f"user-{number}/{hold_id[-1]}", f"user-{number}/{int(hold_id[-1]) - 1}"
        user = AccountLine(period, "per-user", LIMIT_NANO, budget="user", before=before, carries_max_nano=50)
        await ledger.reserve(reservation(hold_id, 2, AccountLine("team", "per-team", LIMIT_NANO), user))
        os.write(told, f"{hold_id} held\n".encode())
        if hold_id[-1] in "03":
            await ledger.void(hold_id, "test")
        elif hold_id[-1] in "147":
            await ledger.settle_all([Settlement(hold_id, Usage(1, 0), "eu/model", "test")])
        else:
            await ledger.post(hold_id, Usage(1, 0), "eu/model", "test")
        os.write(told, f"{hold_id} {'void' if hold_id[-1] in '03' else 'posted'}\n".encode())

    for first in itertools.count(0, UNDER_WAY):
        await asyncio.gather(*(request(f"p{number}-{first + each}") for each in range(UNDER_WAY)))


def main(address: str, kills: int, seed: int) -> None:
    chance, points_max = random.Random(seed), POSTGRES_POINTS_MAX if is_postgres(address) else SQLITE_POINTS_MAX
    alive: dict[int, int] = {}  # process → where it tells
    acknowledged: dict[str, str] = {}
    for number in range(kills):
        reading, writing = os.pipe()
        death = Death(chance.randrange(points_max))
        if (pid := os.fork()) == 0:
            victim(address, number, death, writing)
        os.close(writing)
        alive[pid] = reading
        if len(alive) == ALIVE:
            _bury(alive, acknowledged)
        if number % CHECKED_EVERY == CHECKED_EVERY - 1:
            require_balance(address)
    while alive:
        _bury(alive, acknowledged)
    print(json.dumps(acknowledged))


def _bury(alive: dict[int, int], acknowledged: dict[str, str]) -> None:
    """Wait for the next death; nothing but SIGKILL counts as one."""
    pid, status = os.wait()
    assert os.WIFSIGNALED(status), f"a victim ended by itself: {status}"
    assert os.WTERMSIG(status) == signal.SIGKILL
    with os.fdopen(alive.pop(pid)) as told:
        acknowledged.update(line.split() for line in told)  # type: ignore[misc]  # two words a line


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
