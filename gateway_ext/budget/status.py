"""Reading the accounts of a ledger file, without disturbing those who write it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.budget.sqlite_file import connect_read_only
from gateway_ext.budget.sqlite_schema import SELECT_ACCOUNTS
from gateway_ext.errors import LedgerUnavailable


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """`limit_nano` is that of the last granted request; `left_nano` is negative when more was spent than allowed."""

    key: str
    rule: str
    limit_nano: int
    posted_nano: int
    held_nano: int

    @property
    def left_nano(self) -> int:
        return self.limit_nano - self.posted_nano - self.held_nano


def read_accounts(path: Path) -> list[AccountStatus]:
    """All accounts of all windows, by key. Raises LedgerUnavailable when the file is absent or cannot be read."""
    try:
        with closing(connect_read_only(path)) as connection:
            return [AccountStatus(*row) for row in connection.execute(SELECT_ACCOUNTS)]
    except sqlite3.Error as error:
        raise LedgerUnavailable from error
