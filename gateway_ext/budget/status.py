"""Reading the accounts of a ledger file, without disturbing those who write it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.sqlite_file import connect_read_only
from gateway_ext.budget.sqlite_schema import SELECT_ACCOUNT_COLUMNS, SELECT_ACCOUNTS
from gateway_ext.budget.windows import ROLLING_BUCKETS, rolling_bucket
from gateway_ext.errors import LedgerUnavailable


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """`limit_nano` is that of the last granted request; `left_nano` is negative when more was spent than allowed.

    `carried_nano` came from the period before; `ends_unix_nano` is when this one ends, None: never, or unknown.
    """

    key: str
    rule: str
    limit_nano: int
    posted_nano: int
    held_nano: int
    carried_nano: int = 0
    ends_unix_nano: int | None = None

    @property
    def left_nano(self) -> int:
        return self.limit_nano + self.carried_nano - self.posted_nano - self.held_nano


def read_accounts(path: Path) -> list[AccountStatus]:
    """All accounts of all windows, by key. Raises LedgerUnavailable when the file is absent or cannot be read."""
    try:
        with closing(connect_read_only(path)) as connection:
            has_all = ("carried_nano",) in connection.execute(SELECT_ACCOUNT_COLUMNS).fetchall()
            statement = SELECT_ACCOUNTS if has_all else SELECT_ACCOUNTS.replace("carried_nano, ends", "0, NULL AS ends")
            return [AccountStatus(*row) for row in connection.execute(statement)]
    except sqlite3.Error as error:
        raise LedgerUnavailable from error


def newest(accounts: Iterable[AccountStatus]) -> list[AccountStatus]:
    """Of each rule the accounts of the newest period that it has any of; buckets of a rolling window as one account."""
    periods: dict[tuple[str, str, str], list[AccountStatus]] = {}
    for account in accounts:
        key = AccountKey.parse(account.key)
        bucket = rolling_bucket(key.window)
        kind = f"{bucket[0]}s" if bucket else ""
        periods.setdefault((key.currency, key.rule, kind), []).append(account)
    found: list[AccountStatus] = []
    for (_, _, is_rolling), of_rule in periods.items():
        latest = max(AccountKey.parse(account.key).window for account in of_rule)
        if is_rolling:
            found += _rolled(of_rule, latest)
        else:
            found += [account for account in of_rule if AccountKey.parse(account.key).window == latest]
    return found


def _rolled(accounts: list[AccountStatus], latest: str) -> list[AccountStatus]:
    last = rolling_bucket(latest)
    assert last is not None
    sums: dict[str, AccountStatus] = {}
    for account in accounts:
        key = AccountKey.parse(account.key)
        bucket = rolling_bucket(key.window)
        if bucket is not None and bucket[1] >= last[1] - ROLLING_BUCKETS:
            so_far = sums.get(key.budget)
            posted_nano, held_nano = (so_far.posted_nano, so_far.held_nano) if so_far else (0, 0)
            window = replace(key, window=f"rolling {last[0]}s")
            sums[key.budget] = replace(
                account,
                key=str(window),
                posted_nano=posted_nano + account.posted_nano,
                held_nano=held_nano + account.held_nano,
                ends_unix_nano=None,  # its buckets end, it does not
            )
    return list(sums.values())
