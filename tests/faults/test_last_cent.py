"""A thousand requests at the last cent, from one to four processes: not one too many, and not one too few in the end."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_ext.budget.postgres.migrate import migrate
from tests.faults.last_cent_caller import AMOUNT_NANO, COST_NANO, LIMIT_NANO
from tests.faults.ledger_at import balances, require_balance
from tests.servers.postgres import running_postgres

PROJECT = Path(__file__).parents[2]
REQUESTS = 1_000
# The last one is granted while the amount fits beside what the others have cost: no order of events can change that.
GRANTED = (LIMIT_NANO - AMOUNT_NANO) // COST_NANO + 1


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_on_sqlite(tmp_path: Path, processes: int) -> None:
    require_exactly_the_last_cent(str(tmp_path / "ledger.sqlite"), processes)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_on_postgresql(processes: int) -> None:
    with running_postgres() as server:
        migrate(server.url)
        require_exactly_the_last_cent(server.url, processes)


def require_exactly_the_last_cent(address: str, processes: int) -> None:
    granted, is_over = 0, False
    with crowd(address, processes) as callers:
        while not is_over:
            for caller in callers:
                assert caller.stdin is not None
                caller.stdin.write("\n")
                caller.stdin.flush()
            rounds = [answer(caller) for caller in callers]
            granted += sum(grants for grants, _ in rounds)
            held, posted = balances(address)["team"]
            assert (held, posted) == (0, granted * COST_NANO)
            assert posted <= LIMIT_NANO
            # Nothing was held when this round began or it granted something; all who were refused have asked again.
            is_over = not any(grants or unanswered for grants, unanswered in rounds)
    assert granted == GRANTED
    require_balance(address)


def answer(caller: subprocess.Popen[str]) -> tuple[int, int]:
    assert caller.stdout is not None
    grants, unanswered = caller.stdout.readline().split()
    return int(grants), int(unanswered)


@contextlib.contextmanager
def crowd(address: str, processes: int) -> Iterator[list[subprocess.Popen[str]]]:
    """They share REQUESTS among them, and have all opened the ledger."""
    with contextlib.ExitStack() as ends:
        callers = []
        for number in range(processes):
            command = [sys.executable, "-m", "tests.faults.last_cent_caller", address, f"p{number}"]
            callers.append(
                subprocess.Popen(
                    [*command, str(REQUESTS // processes)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=PROJECT,
                )
            )
            ends.enter_context(callers[-1])  # waits for it; the end of its input ends it
        for caller in callers:
            assert caller.stdout is not None
            assert caller.stdout.readline() == "ready\n"
        yield callers
