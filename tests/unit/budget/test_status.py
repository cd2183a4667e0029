from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import AccountStatus, read_accounts
from gateway_ext.errors import LedgerUnavailable
from gateway_ext.exchange import Usage
from tests.unit.budget.reservations import FixedClock, reservation


async def test_accounts_can_be_read_while_the_ledger_is_open(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.sqlite", FixedClock())
    await ledger.open()
    await ledger.reserve(reservation("h1", 900))
    await ledger.reserve(reservation("h2", 100))
    await ledger.post("h1", Usage(1_100, 0), "eu/model", "test")
    (account,) = read_accounts(tmp_path / "ledger.sqlite")
    await ledger.close()
    assert account == AccountStatus("user", "per-user", limit_nano=1_000, posted_nano=1_100, held_nano=100)
    assert account.left_nano == -200


def test_reading_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable):
        read_accounts(tmp_path / "ledger.sqlite")
    assert list(tmp_path.iterdir()) == []
