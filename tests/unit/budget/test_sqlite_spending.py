from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.sqlite_spending import SqliteSpending
from gateway_ext.errors import LedgerUnavailable
from tests.unit.budget.reservations import FixedClock
from tests.unit.budget.spending_contract import MONTH, SpendingContract, look


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(tmp_path / "ledger.sqlite", FixedClock())
    await ledger.open()
    yield ledger
    await ledger.close()


@pytest.fixture
def spending(tmp_path: Path) -> SqliteSpending:
    return SqliteSpending(tmp_path / "ledger.sqlite")


class TestSqliteSpending(SpendingContract):
    pass


async def test_a_ledger_that_is_not_there_yet_has_nothing_spent(spending: SqliteSpending, tmp_path: Path) -> None:
    assert await look(spending, MONTH) == {}
    assert await spending.top_ups(0) == []
    assert not (tmp_path / "ledger.sqlite").exists()


async def test_one_that_cannot_be_read_is_said(spending: SqliteSpending, tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"x" * 5_000)
    with pytest.raises(LedgerUnavailable):
        await look(spending, MONTH)
