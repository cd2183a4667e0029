from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import AccountStatus, newest, read_accounts
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


def account(window: str, rule: str, posted_nano: int, value: str = "ada") -> AccountStatus:
    return AccountStatus(str(AccountKey("EUR", window, rule, "user", value)), rule, 100, posted_nano, 1)


def test_the_newest_period_of_each_rule_is_shown_and_rolling_ones_are_added_up() -> None:
    bucket = "86400s-{:012d}".format
    found = newest(
        [
            account("2026-10", "monthly", 1),
            account("2026-11", "monthly", 2),
            account("2026-11-21", "daily", 3),
            account(bucket(100), "rolling", 50),
            account(bucket(100 - 24), "rolling", 5),
            account(bucket(100 - 25), "rolling", 500),
            account(bucket(99), "rolling", 7, value="bob"),
        ]
    )
    shown = {AccountKey.parse(each.key): (each.posted_nano, each.held_nano) for each in found}
    assert shown == {
        AccountKey("EUR", "2026-11", "monthly", "user", "ada"): (2, 1),
        AccountKey("EUR", "2026-11-21", "daily", "user", "ada"): (3, 1),
        AccountKey("EUR", "rolling 86400s", "rolling", "user", "ada"): (55, 2),
        AccountKey("EUR", "rolling 86400s", "rolling", "user", "bob"): (7, 1),
    }
