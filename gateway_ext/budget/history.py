"""What was settled in the past, out of a ledger's file, without disturbing those who write it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.budget.sqlite_file import connect_read_only
from gateway_ext.budget.sqlite_schema import SELECT_COLUMNS, SELECT_POSTED
from gateway_ext.errors import LedgerUnavailable
from gateway_ext.exchange import Usage


@dataclass(frozen=True, slots=True)
class Posted:
    """One request that was paid for. `usage` is None when it was charged at its worst case."""

    cluster: str
    usage: Usage | None
    cost_nano: int
    currency: str


def read_posted(path: Path, from_unix_nano: int, to_unix_nano: int) -> list[Posted]:
    """What was settled in [from, to), by settlement. Raises LedgerUnavailable when the file is absent or unreadable."""
    try:
        with closing(connect_read_only(path)) as connection:
            has_details = ("usage_details",) in connection.execute(SELECT_COLUMNS).fetchall()
            statement = SELECT_POSTED if has_details else SELECT_POSTED.replace("usage_details", "'{}'")
            return [_posted(*row) for row in connection.execute(statement, (from_unix_nano, to_unix_nano))]
    except sqlite3.Error as error:
        raise LedgerUnavailable from error


def _posted(
    cluster: str, inputs: int | None, outputs: int, cached: int, details: str, cost_nano: int, currency: str
) -> Posted:
    usage = None if inputs is None else Usage(inputs, outputs, cached, **json.loads(details))
    return Posted(cluster, usage, cost_nano, currency)
