"""The ledger under test, by the statements the program itself runs, and a reading of its tables that is none of them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from gateway_ext.budget import sqlite_books, sqlite_quotas
from gateway_ext.budget.leases.rules import Draw
from gateway_ext.budget.rules import Reservation, Settled, Settlement, TopUp
from gateway_ext.budget.settle import POSTED, VOID, Closing
from gateway_ext.budget.sqlite_schema import SCHEMA
from gateway_ext.exchange import Hold

READ = ("id", "state", "amount_nano", "cost_nano", "usage_is_estimated")  # of a hold

Result = TypeVar("Result")


class Account(NamedTuple):
    limit_nano: int
    held_nano: int
    posted_nano: int
    carried_nano: int
    handed_over_nano: int


class HoldRow(NamedTuple):
    state: str
    amount_nano: int
    cost_nano: int
    is_estimated: bool | None  # None: no figures


class Reading(NamedTuple):
    """All that the ledger knows. `quotas`: when each is full, and what is held of it. `rest` is every other column of the holds,
    and the top-ups."""

    accounts: dict[str, Account]
    holds: dict[str, HoldRow]
    quotas: dict[str, tuple[int, int]]
    rest: object


class ProcessDiedError(Exception):
    """The process ended in the middle of a transaction."""


class Books(Protocol):
    """What a history does to a ledger. Calls raise ProcessDiedError when they were to die; nothing of them is then to be seen."""

    can_die: bool

    def clear(self) -> None: ...
    def die_after(self, statements: int) -> None:
        """Let the next call die when it has run so many statements, or all of its own but the commit."""
        ...

    def reserve(self, reservation: Reservation) -> Hold: ...
    def settle(self, settlement: Settlement, now_unix_nano: int) -> Settled | None: ...
    def expire(self, now_unix_nano: int, limit: int) -> list[Settled]: ...
    def top_up(self, top_up: TopUp) -> None: ...
    def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool: ...
    def prune(self, now_unix_nano: int) -> int: ...
    def read(self) -> Reading: ...


class SqliteBooks:
    """SQLite's statements in its own transactions, in memory: what a file adds is proved with real processes."""

    can_die = True

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.executescript(SCHEMA)
        columns = [column[0] for column in self._connection.execute("SELECT * FROM hold").description]
        self._columns = itemgetter(*map(columns.index, READ))
        self._statements_left: int | None = None
        self._read_at = -1
        self._reading = Reading({}, {}, {}, None)

    def clear(self) -> None:
        for table in ("account", "hold", "top_up", "quota"):
            self._connection.execute(f"DELETE FROM {table}")

    def die_after(self, statements: int) -> None:
        self._statements_left = statements

    def reserve(self, reservation: Reservation) -> Hold:
        return self._committed(lambda cursor: sqlite_books.reserve(cursor, reservation))

    def settle(self, settlement: Settlement, now_unix_nano: int) -> Settled | None:
        said = [(settlement.hold_id, closing(settlement))]
        return self._committed(lambda cursor: sqlite_books.settle(cursor, said, now_unix_nano))[0]

    def expire(self, now_unix_nano: int, limit: int) -> list[Settled]:
        return self._committed(lambda cursor: sqlite_books.expire(cursor, now_unix_nano, limit))

    def top_up(self, top_up: TopUp) -> None:
        self._committed(lambda cursor: sqlite_books.add(cursor, top_up))

    def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool:
        return self._committed(lambda cursor: sqlite_books.end_top_up(cursor, top_up_id, now_unix_nano))

    def prune(self, now_unix_nano: int) -> int:
        return self._committed(lambda cursor: sqlite_quotas.prune(cursor, now_unix_nano))

    def draw(self, drawn: Draw) -> bool:
        return self._committed(lambda cursor: sqlite_books.draw(cursor, drawn))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a question finds."""
        return self._connection.execute(statement).fetchall()

    def read(self) -> Reading:
        if self._connection.total_changes != self._read_at:  # rows touched so far, by transactions rolled back, too
            self._read_at = self._connection.total_changes
            self._reading = self._read()
        return self._reading

    def _read(self) -> Reading:
        rows = self._connection.execute
        accounts = {
            key: Account(*amounts)
            for key, *amounts in rows(
                "SELECT key, limit_nano, held_nano, posted_nano, carried_nano, handed_over_nano FROM account"
            )
        }
        stored = rows("SELECT * FROM hold").fetchall()
        holds = {
            hold_id: HoldRow(state, amount, cost, None if is_estimated is None else bool(is_estimated))
            for hold_id, state, amount, cost, is_estimated in map(self._columns, stored)
        }
        quotas = {key: (full, held) for key, full, held in rows("SELECT key, full_unix_nano, held FROM quota")}
        return Reading(accounts, holds, quotas, (stored, rows("SELECT * FROM top_up ORDER BY id").fetchall()))

    def _committed(self, work: Callable[[sqlite3.Cursor], Result]) -> Result:
        with self._transaction() as cursor:
            return work(cursor)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        cursor = self._connection.cursor()
        left, self._statements_left = self._statements_left, None
        cursor.execute("BEGIN IMMEDIATE")
        try:
            # The program knows of cursors only that they execute.
            yield cursor if left is None else cast(sqlite3.Cursor, _MortalCursor(cursor, left))
            if left is not None:
                raise ProcessDiedError
        except BaseException:
            cursor.execute("ROLLBACK")  # what SQLite does with the log of a process that is gone
            raise
        cursor.execute("COMMIT")


class _MortalCursor:
    def __init__(self, cursor: sqlite3.Cursor, statements: int) -> None:
        self._cursor = cursor
        self._left = statements

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        if self._left == 0:
            raise ProcessDiedError
        self._left -= 1
        return self._cursor.execute(*statement)


def closing(settlement: Settlement) -> Closing:
    """As the ledgers understand a settlement."""
    state = POSTED if settlement.cluster else VOID
    return Closing(state, settlement.usage, settlement.cluster, settlement.settled_by, settlement.flags)
