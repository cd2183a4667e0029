from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway_ext.budget.reports import sqlite_usage
from gateway_ext.budget.reports.sqlite_usage import SqliteUsage
from gateway_ext.budget.reports.usage import Dimension, UsageQuery, UsageSource
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from tests.unit.budget.reports.traffic import ADA, HOUR, Asked, play
from tests.unit.budget.reports.usage_contract import HOUR_OF_TRAFFIC, UsageContract, nothing
from tests.unit.budget.reservations import NOW, FixedClock


def filled(path: Path, *traffic: Asked) -> SqliteUsage:
    async def fill() -> None:
        ledger = SqliteLedger(path, FixedClock())
        await ledger.open()
        await (play(ledger, traffic) if traffic else play(ledger))
        await ledger.close()

    asyncio.run(fill())
    return SqliteUsage(path)


class TestSqliteUsage(UsageContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> UsageSource:
        return filled(tmp_path / "ledger.sqlite")


def test_in_steps_as_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = filled(tmp_path / "ledger.sqlite")
    query = UsageQuery(NOW, NOW + HOUR, (Dimension.TEAM, Dimension.MODEL))
    at_once, requests = source.groups(query, nothing), list(source.charged(query, nothing))
    monkeypatch.setattr(sqlite_usage, "HOLDS_AT_ONCE", 3)
    assert source.groups(query, nothing) == at_once
    assert len(requests) == 6


def test_requests_beyond_one_batch(tmp_path: Path) -> None:
    traffic = [Asked(f"r{number}", ADA, amount_nano=1) for number in range(sqlite_usage.ROWS_AT_ONCE + 5)]
    source = filled(tmp_path / "ledger.sqlite", *traffic)
    found = [each.hold_id for each in source.charged(HOUR_OF_TRAFFIC, nothing)]
    assert found == [each.id for each in traffic]


def test_writers_are_not_disturbed(tmp_path: Path) -> None:
    source = filled(tmp_path / "ledger.sqlite")
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE hold SET cost_nano = 0")
        (figures,) = source.groups(HOUR_OF_TRAFFIC, nothing).values()
        assert figures.cost_nano == 637  # what is not committed is not seen
        requests = source.charged(HOUR_OF_TRAFFIC, nothing)
        next(requests)
        writer.execute("COMMIT")
        assert writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0  # nobody reads in between


def test_a_ledger_that_is_absent_broken_or_old(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable):
        SqliteUsage(tmp_path / "ledger.sqlite").count()
    (tmp_path / "broken").write_bytes(b"not a database" * 100)
    with pytest.raises(LedgerUnavailable):
        SqliteUsage(tmp_path / "broken").groups(HOUR_OF_TRAFFIC, nothing)
    with closing(sqlite3.connect(tmp_path / "old")) as old:
        old.execute("PRAGMA user_version = 1")
    with pytest.raises(ConfigurationError, match="has version 1, this program reports on 3"):
        SqliteUsage(tmp_path / "old").groups(HOUR_OF_TRAFFIC, nothing)
