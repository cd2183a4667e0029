"""A ledger that is locked, removed or replaced while requests come in: nothing is spent, nothing is sent."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from gateway_ext.budget.sqlite_file import BUSY_SECONDS
from gateway_ext.budget.status import read_accounts
from gateway_ext.limits import STEP_DEADLINE_SECONDS
from tests.envoy.stack import Stack, chat, running_stack

pytestmark = pytest.mark.envoy


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("ledger")) as running:
        yield running


def ask(stack: Stack) -> httpx.Response:
    with stack.client() as client:
        return client.post("/chat/completions", json=chat("Hello"))


def require_refused(answer: httpx.Response) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (503, "ledger_unavailable", "server_error")
    assert set(error) == {"message", "type", "param", "code"}
    assert answer.headers["x-should-retry"] == "true"


def require_working(stack: Stack, posted_before_nano: int) -> None:
    """Served again, and what was spent before is still known."""
    assert ask(stack).status_code == 200
    deadline = time.monotonic() + 5
    while (spent := posted_nano(stack)) <= posted_before_nano:
        assert time.monotonic() < deadline, f"{spent} nano-units posted, {posted_before_nano} before"
        time.sleep(0.05)


def posted_nano(stack: Stack) -> int:
    accounts = read_accounts(stack.layout.ledger)
    assert all(account.held_nano >= 0 for account in accounts)
    return sum(account.posted_nano for account in accounts)


@pytest.fixture
def posted_before_nano(stack: Stack) -> int:
    """Something has been spent and settled, nothing is under way, and the provider has seen nothing yet."""
    require_working(stack, posted_nano(stack) if stack.layout.ledger.exists() else 0)
    stack.forget_upstream_log()
    return posted_nano(stack)


def test_a_locked_ledger_refuses_in_time_and_recovers(stack: Stack, posted_before_nano: int) -> None:
    with closing(sqlite3.connect(stack.layout.ledger, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        require_refused(ask(stack))
        assert BUSY_SECONDS - 1 < time.monotonic() - started < STEP_DEADLINE_SECONDS
        other.execute("ROLLBACK")
    assert stack.upstream_log() == []
    assert "ledger: cannot be written (database is locked)" in stack.logs()
    records = stack.wait_for_records(lambda found: any(r.get("gateway.decision.refused_at") == "budget" for r in found))
    refused = [record for record in records if record.get("gateway.decision.refused_at") == "budget"]
    assert [record["gateway.decision.reason"] for record in refused] == ["ledger_unavailable"]
    require_working(stack, posted_before_nano)


@contextmanager
def put_away(ledger: Path) -> Iterator[None]:
    away = ledger.with_name("away.sqlite")
    ledger.rename(away)
    try:
        yield
    finally:
        away.replace(ledger)


@pytest.mark.parametrize("replacement", [None, os.urandom(20_000)], ids=["removed", "replaced by garbage"])
def test_a_lost_ledger_refuses_until_it_is_back(
    stack: Stack, posted_before_nano: int, replacement: bytes | None
) -> None:
    with put_away(stack.layout.ledger):
        if replacement is not None:
            stack.layout.ledger.write_bytes(replacement)
        for _ in range(6):  # both processors
            require_refused(ask(stack))
        assert stack.layout.ledger.exists() == (replacement is not None), "a new ledger would begin at zero"
    assert stack.upstream_log() == []
    assert "was removed or replaced" in stack.logs()
    require_working(stack, posted_before_nano)


def test_a_backup_brings_a_damaged_ledger_back(stack: Stack, posted_before_nano: int, tmp_path: Path) -> None:
    ledger = stack.layout.ledger
    with closing(sqlite3.connect(ledger)) as live, closing(sqlite3.connect(tmp_path / "backup")) as copy:
        live.backup(copy)
    names = ("control", "processor-0", "processor-1")
    ledger.with_name("garbage").write_bytes(os.urandom(20_000))
    ledger.with_name("garbage").replace(ledger)
    require_refused(ask(stack))
    for name in names:
        stack.kill(name)
    time.sleep(0.5)  # the supervisor tries in vain: a ledger that cannot be read is not begun anew
    assert ask(stack).status_code == 503
    assert stack.upstream_log() == []
    for leftover in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        ledger.with_name(leftover).unlink(missing_ok=True)
    (tmp_path / "backup").replace(ledger)
    deadline = time.monotonic() + 60
    while ask(stack).status_code != 200:
        assert time.monotonic() < deadline, "not served again from the backup"
        time.sleep(0.2)
    require_working(stack, posted_before_nano)
