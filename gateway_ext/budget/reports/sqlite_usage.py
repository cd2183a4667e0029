"""Reports on a ledger in a file. Read in short steps, so that no writer's log has to grow until a report is done.

Each hold is looked at once: figures add up, and of a period under way they are of the moments of the reading.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway_ext.budget.reports.statements import PAYER, conditions, grouped, select_sums
from gateway_ext.budget.reports.usage import Advance, Charged, Figures, Group, UsageQuery
from gateway_ext.budget.rules import Payer
from gateway_ext.budget.sqlite_file import connect_read_only
from gateway_ext.budget.sqlite_schema import SCHEMA_VERSION
from gateway_ext.budget.stored import NO_DETAILS, decode_prices
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.exchange import TOKEN_KINDS, Usage

HOLDS_AT_ONCE = 20_000  # what is sorted for a sum stays in the processor's cache
ROWS_AT_ONCE = 1_000
READERS_MAX = 2  # SQLite adds up without Python's lock; more would take the processors from requests

_PROVIDER = "substr(cluster, 1, instr(cluster, '/') - 1)"
_IS_ESTIMATED = "usage_is_estimated IS NOT 0"  # NULL without any usage
_TOKENS = (
    *("input_tokens", "output_tokens", "cached_input_tokens"),
    *(
        f"CASE usage_details WHEN '{NO_DETAILS}' THEN 0 ELSE json_extract(usage_details, '$.{kind}') END"
        for kind in TOKEN_KINDS
    ),
)
_SELECT_CHARGED = f"""
SELECT rowid, id, created_unix_nano, state, currency, cost_nano, model, cluster, prices, flags,
       input_tokens, output_tokens, cached_input_tokens, usage_is_estimated, usage_details, {PAYER}
FROM hold WHERE rowid > ? AND rowid <= ? AND state IN ('posted', 'expired') AND """  # noqa: S608  (constant)


class SqliteUsage:
    """Implements usage.UsageSource, whose docstrings are the contract."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def count(self) -> int:
        with self._reading() as connection:
            return _last_row(connection)

    def groups(self, query: UsageQuery, advance: Advance) -> Mapping[Group, Figures]:
        where, parameters = conditions(query, _PROVIDER, lambda _: "?")
        statement = select_sums(query, _PROVIDER, _IS_ESTIMATED, _TOKENS, f"rowid > ? AND rowid <= ? AND {where}")
        found: dict[tuple[str | int, ...], list[int]] = {}
        width = len(query.by) + 3  # currency, state, marks

        def read(step: tuple[int, int]) -> Sequence[tuple[Any, ...]]:
            with self._reading() as connection:
                return connection.execute(statement, (*step, *parameters)).fetchall()

        steps = _steps(self.count())
        with ThreadPoolExecutor(READERS_MAX) as readers:
            for (first, last), rows in zip(steps, readers.map(read, steps), strict=True):
                for row in rows:
                    sums = found.setdefault(row[:width], [0] * (len(row) - width))
                    for place, each in enumerate(row[width:]):
                        sums[place] += each
                advance(last - first)
        return grouped((*key, *sums) for key, sums in found.items())

    def charged(self, query: UsageQuery, advance: Advance) -> Iterator[Charged]:
        where, parameters = conditions(query, _PROVIDER, lambda _: "?")
        statement = f"{_SELECT_CHARGED}{where} ORDER BY rowid LIMIT {ROWS_AT_ONCE}"
        with self._reading() as connection:
            first, last = 0, _last_row(connection)
            while rows := connection.execute(statement, (first, last, *parameters)).fetchall():
                yield from map(_charged, rows)
                advance(rows[-1][0] - first)
                first = rows[-1][0]
        advance(last - first)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = connect_read_only(self._path)
            try:
                _require_version(connection, self._path)
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise LedgerUnavailable from error


def _require_version(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path}: the ledger has version {version}, this program reports on {SCHEMA_VERSION}; start the gateway of this"
            " version once, which renews it"
        )


def _last_row(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(rowid), 0) FROM hold").fetchone()[0])


def _steps(last: int) -> list[tuple[int, int]]:
    return [(first, min(first + HOLDS_AT_ONCE, last)) for first in range(0, last, HOLDS_AT_ONCE)]


def _charged(row: Sequence[Any]) -> Charged:
    _, hold_id, created, state, currency, cost_nano, model, cluster, prices, flags, *rest = row
    inputs, outputs, cached, is_estimated, details, *payer = rest
    usage = None if inputs is None else Usage(inputs, outputs, cached, bool(is_estimated), **json.loads(details))
    price = decode_prices(prices).get(cluster)
    return Charged(
        hold_id,
        created,
        state,
        currency,
        cost_nano,
        Payer(*payer),
        model,
        cluster,
        price,
        usage,
        tuple(json.loads(flags)),
    )
