"""What a ledger in a file keeps of a person (person.py)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway_ext.budget.person import ACCOUNT_COLUMNS, HOLD_COLUMNS, Renaming, moves
from gateway_ext.budget.scopes import percent_encoded
from gateway_ext.budget.sqlite_file import connect, connect_read_only, patiently
from gateway_ext.errors import LedgerUnavailable

_SELECT_HOLDS = f"SELECT {', '.join(HOLD_COLUMNS)} FROM hold WHERE subject = ? ORDER BY rowid"  # noqa: S608  (constant)
_SELECT_ACCOUNTS = f"SELECT {', '.join(ACCOUNT_COLUMNS)} FROM account WHERE instr(key, ?) ORDER BY key"  # noqa: S608

# `?2` is the name as keys have it: more may contain it than are meant, never fewer.
_SELECT_NAMED = """
SELECT rowid, subject, credential_id, accounts, quotas FROM hold
WHERE rowid > ?3 AND (subject = ?1 OR instr(accounts, ?2) OR instr(quotas, ?2))"""
_SELECT_CREDENTIALS = """
SELECT DISTINCT credential_id FROM hold
WHERE subject = ?1 AND credential_id <> '' AND credential_id NOT IN (SELECT credential_id FROM hold WHERE subject <> ?1)"""
_RENAME_HOLD = "UPDATE hold SET subject = ?, credential_id = ?, accounts = ?, quotas = ? WHERE rowid = ?"

_MOVE_ACCOUNT = """
INSERT INTO account (key, rule, limit_nano, held_nano, posted_nano, carried_nano, handed_over_nano, ends_unix_nano)
SELECT ?2, rule, limit_nano, held_nano, posted_nano, carried_nano, handed_over_nano, ends_unix_nano
FROM account WHERE key = ?1
ON CONFLICT (key) DO UPDATE SET
  held_nano = held_nano + excluded.held_nano, posted_nano = posted_nano + excluded.posted_nano,
  carried_nano = carried_nano + excluded.carried_nano, handed_over_nano = handed_over_nano + excluded.handed_over_nano"""
_MOVE_QUOTA = """
INSERT INTO quota (key, full_unix_nano, held) SELECT ?2, full_unix_nano, held FROM quota WHERE key = ?1
ON CONFLICT (key) DO UPDATE SET
  full_unix_nano = max(full_unix_nano, excluded.full_unix_nano), held = held + excluded.held"""
_RENAME_TOP_UP = "UPDATE top_up SET budget = ?, actor = ? WHERE id = ?"

_Row = tuple[Any, ...]


class SqlitePerson:
    """Implements PersonInLedger, whose docstrings are the contract."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def holds(self, name: str) -> Iterator[Mapping[str, Any]]:
        for row in self._rows(_SELECT_HOLDS, name):
            yield dict(zip(HOLD_COLUMNS, row, strict=True))

    def accounts(self, name: str) -> Iterator[Mapping[str, Any]]:
        renaming = Renaming(name, "")
        for row in self._rows(_SELECT_ACCOUNTS, percent_encoded(name)):
            if renaming.key(row[0]) != row[0]:
                yield dict(zip(ACCOUNT_COLUMNS, row, strict=True))

    def rename(self, renaming: Renaming) -> int:
        if not self._path.exists():
            return 0
        # Looked for before the lock is taken, which processors wait for.
        found = list(self._rows(_SELECT_NAMED, renaming.name, percent_encoded(renaming.name), 0))
        renaming = renaming.with_credentials(each for (each,) in self._rows(_SELECT_CREDENTIALS, renaming.name))
        try:
            with closing(connect(self._path)) as connection:
                connection.execute("PRAGMA secure_delete = ON")
                patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
                try:
                    count = _rename(connection, renaming, found)
                    connection.execute("COMMIT")
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
        except sqlite3.Error as error:
            raise LedgerUnavailable from error
        return count

    def _rows(self, statement: str, *values: str | int) -> Iterator[_Row]:
        if not self._path.exists():
            return
        try:
            with closing(connect_read_only(self._path)) as connection:
                yield from connection.execute(statement, values)
        except sqlite3.Error as error:
            raise LedgerUnavailable from error


def _rename(connection: sqlite3.Connection, renaming: Renaming, found: list[_Row]) -> int:
    last = max((rowid for rowid, *_ in found), default=0)
    later = connection.execute(_SELECT_NAMED, (renaming.name, percent_encoded(renaming.name), last)).fetchall()
    count = 0
    for rowid, subject, credential_id, accounts, quotas in (*found, *later):
        is_theirs = subject == renaming.name
        count += is_theirs
        renamed = (
            renaming.person(subject),
            renaming.credential(credential_id) if is_theirs else credential_id,
            json.dumps([renaming.key(key) for key in json.loads(accounts)]),
            json.dumps(renaming.quotas(json.loads(quotas))),
            rowid,
        )
        connection.execute(_RENAME_HOLD, renamed)
    _move(connection, "account", _MOVE_ACCOUNT, renaming.key)
    _move(connection, "quota", _MOVE_QUOTA, renaming.key)
    for top_up, budget, actor in connection.execute("SELECT id, budget, actor FROM top_up").fetchall():
        now = (renaming.budget(budget), renaming.person(actor))
        if now != (budget, actor):
            connection.execute(_RENAME_TOP_UP, (*now, top_up))
    return count


def _move(connection: sqlite3.Connection, table: str, statement: str, of: Callable[[str], str]) -> None:
    keys = [key for (key,) in connection.execute(f"SELECT key FROM {table}")]  # noqa: S608  (one of two constants)
    for old, new in moves(keys, of).items():
        connection.execute(statement, (old, new))
        connection.execute(f"DELETE FROM {table} WHERE key = ?", (old,))  # noqa: S608
