"""A thousand requests at the last cent, from one to four processes: not one too many, and not one too few in the end."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_ext.budget.leases.rules import LEASE_PREFIX
from gateway_ext.budget.postgres.migrate import migrate
from tests.faults.last_cent_caller import AMOUNT_NANO, COST_NANO, LIMIT_NANO
from tests.faults.ledger_at import balances, require_balance, states
from tests.servers.postgres import running_postgres
from tests.servers.redis import Redis, running_redis

PROJECT = Path(__file__).parents[2]
REQUESTS = 1_000
# The last one is granted while the amount fits beside what the others have cost: no order of events can change that.
GRANTED = (LIMIT_NANO - AMOUNT_NANO) // COST_NANO + 1


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with running_redis() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "ledger.sqlite")
        return
    with running_postgres() as server:
        migrate(server.url)
        yield server.url


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_in_the_ledger(address: str, processes: int) -> None:
    require_exactly_the_last_cent(address, processes)
    assert not any(hold.startswith(LEASE_PREFIX) for hold in states(address))


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_from_slices_in_redis(address: str, redis: Redis, processes: int) -> None:
    redis.do("FLUSHALL")
    require_exactly_the_last_cent(address, processes, redis.url)
    leases = {state for hold, state in states(address).items() if hold.startswith(LEASE_PREFIX)}
    assert leases == {"void"}, "all were used, and given back"


def require_exactly_the_last_cent(address: str, processes: int, redis_url: str = "") -> None:
    granted, is_over = 0, False
    with crowd(address, processes, redis_url) as callers:
        while not is_over:
            rounds = [tuple(map(int, answer.split())) for answer in all_do(callers, "ask")]
            held, posted = balances(address)["team"]
            assert held + posted <= LIMIT_NANO
            assert set(all_do(callers, "rest")) == {"rested\n"}
            granted += sum(grants for grants, _ in rounds)
            assert balances(address)["team"] == (0, granted * COST_NANO)
            # Nothing was held when this round began or it granted something; all who were refused have asked again.
            is_over = not any(grants or unanswered for grants, unanswered in rounds)
    assert granted == GRANTED
    require_balance(address)


def all_do(callers: list[subprocess.Popen[str]], what: str) -> list[str]:
    """At the same time; their answers."""
    for caller in callers:
        assert caller.stdin is not None
        caller.stdin.write(f"{what}\n")
        caller.stdin.flush()
    return [answer(caller) for caller in callers]


def answer(caller: subprocess.Popen[str]) -> str:
    assert caller.stdout is not None
    return caller.stdout.readline()


@contextlib.contextmanager
def crowd(address: str, processes: int, redis_url: str) -> Iterator[list[subprocess.Popen[str]]]:
    """They share REQUESTS among them, and have all opened the ledger."""
    with contextlib.ExitStack() as ends:
        callers = []
        for number in range(processes):
            command = [sys.executable, "-m", "tests.faults.last_cent_caller", address, f"p{number}"]
            command += [str(REQUESTS // processes), *([redis_url] if redis_url else [])]
            callers.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
            )
            ends.enter_context(callers[-1])  # waits for it; the end of its input ends it
        assert [answer(caller) for caller in callers] == ["ready\n"] * processes
        yield callers
