"""What the ledger's tests reserve, and a reading of its file that shares nothing with the program."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from gateway_ext.budget.prices import Price
from gateway_ext.budget.rules import AccountLine, Payer, Reservation
from gateway_ext.exchange import Estimate

NOW = 1_700_000_000_000_000_000
TTL = 900_000_000_000
# 1 nano-unit per token, so that figures can be read off; the second is ten times dearer.
PRICES = {
    "eu/model": Price(input_rate=1_000_000, output_rate=1_000_000, cached_input_rate=0),
    "us/model": Price(input_rate=10_000_000, output_rate=10_000_000, cached_input_rate=0),
}


class FixedClock:
    def __init__(self, now_unix_nano: int = NOW) -> None:
        self.now = now_unix_nano

    def now_unix_nano(self) -> int:
        return self.now


def reservation(
    hold_id: str,
    amount_nano: int,
    *lines: AccountLine,
    limit_nano: int = 1_000,
    prices: Mapping[str, Price] = PRICES,
    expires_unix_nano: int = NOW + TTL,
) -> Reservation:
    return Reservation(
        id=hold_id,
        lines=lines or (AccountLine("user", "per-user", limit_nano),),
        amount_nano=amount_nano,
        currency="EUR",
        estimate=Estimate(input_tokens=100, output_tokens=10),
        prices=prices,
        payer=Payer("ada@example.com", "engines", business_unit="works", project="p1", cost_center="4711"),
        model="large",
        created_unix_nano=NOW,
        expires_unix_nano=expires_unix_nano,
    )


def assert_books_balance(path: Path) -> None:
    """Every account is the sum of its holds, held and posted; the file is sound; nothing is negative."""
    sums = """
        SELECT key, held_nano, posted_nano, coalesce(open_holds, 0), coalesce(costs, 0) FROM account LEFT JOIN (
          SELECT value AS key, sum(CASE state WHEN 'held' THEN amount_nano ELSE 0 END) AS open_holds, sum(cost_nano) AS costs
            FROM hold, json_each(accounts) GROUP BY 1) USING (key)"""
    with closing(sqlite3.connect(path)) as connection:
        for key, held, posted, open_holds, costs in connection.execute(sums):
            assert (key, held, posted) == (key, open_holds, costs), "account differs from its holds"
            assert held >= 0
            assert posted >= 0
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def hold_states(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT id, state FROM hold").fetchall())
