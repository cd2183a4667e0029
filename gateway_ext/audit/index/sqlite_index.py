"""The index in a file: audit-index.sqlite of the state directory, which may be deleted at any time.

SQLite in WAL mode with synchronous=NORMAL: after a power cut the last batches may be missing together with the note of how far
was read, and are read again. Each call opens the file, so that calls share nothing, and one that was made anew is noticed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from gateway_ext.audit.index.schema import SCHEMA_VERSION, TABLES, statements
from gateway_ext.audit.index.steps import Insert, Many, Query, ReadRecords, Row, Step, Steps, marks
from gateway_ext.audit.index.stepwise import StepwiseIndex
from gateway_ext.audit.index.store import REBUILD, IndexDamagedError, IndexUnavailableError, Read

BUSY_SECONDS = 10.0
CACHE_KIBIBYTES = 64 * 1024
WAL_BYTES_KEPT_MAX = 64 * 1024 * 1024

Result = TypeVar("Result")


class SqliteIndex(StepwiseIndex):
    """Implements store.Index, whose docstrings are the contract."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def clear(self) -> None:
        await asyncio.to_thread(self._clear)

    async def optimize(self) -> None:
        await asyncio.to_thread(self._optimize)

    async def close(self) -> None:
        """Nothing is held open."""

    async def _do(self, steps: Steps[Result], *, writes: bool = False, read: Read | None = None) -> Result:
        return await asyncio.to_thread(self._carry_out, steps, writes, read)

    # --- on a thread ------------------------------------------------------------------------------------------------

    def _carry_out(self, steps: Steps[Result], writes: bool, read: Read | None) -> Result:
        with self._opened() as connection, _transaction(connection, "IMMEDIATE" if writes else "DEFERRED"):
            rows: Sequence[Row] = ()
            try:
                step = next(steps)
                while True:
                    rows = _rows(connection, step, read)
                    step = steps.send(rows)
            except StopIteration as end:
                result: Result = end.value
                return result

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self._create()
            with contextlib.closing(
                sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            ) as connection:
                for pragma in (
                    "journal_mode = WAL",
                    "synchronous = NORMAL",
                    "secure_delete = ON",  # what is forgotten is not to be found in free pages
                    f"cache_size = -{CACHE_KIBIBYTES}",
                    f"journal_size_limit = {WAL_BYTES_KEPT_MAX}",
                ):
                    connection.execute(f"PRAGMA {pragma}")
                self._prepare(connection)
                yield connection
        except sqlite3.Error as error:
            if error.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
                raise IndexDamagedError(f"{self._path}: the search index is damaged; {REBUILD}") from error
            raise IndexUnavailableError(
                f"{self._path}: the search index cannot be used ({error}); check that this user may write it and its directory,"
                " and that the disk has room"
            ) from error
        except OSError as error:
            raise IndexUnavailableError(f"{self._path}: cannot be made or opened ({error.strerror})") from error

    def _create(self) -> None:
        """For its mode, which the WAL beside it inherits. One that exists is not touched."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if _version(connection) == SCHEMA_VERSION:
            return
        with _transaction(connection, "IMMEDIATE"):
            found = _version(connection)  # asked again behind the lock: another process may have been faster
            if found == 0:
                _make(connection)
        if found not in {0, SCHEMA_VERSION}:
            raise IndexDamagedError(
                f"{self._path}: the search index is of version {found}, not {SCHEMA_VERSION}; {REBUILD}"
            )

    def _clear(self) -> None:
        try:
            with self._opened() as connection, _transaction(connection, "IMMEDIATE"):
                for table in TABLES:
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
                _make(connection)
            with self._opened() as connection:
                connection.execute("VACUUM")
        except IndexDamagedError:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            with self._opened():
                pass

    def _optimize(self) -> None:
        with self._opened() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _make(connection: sqlite3.Connection) -> None:
    for statement in statements(is_sqlite=True):
        connection.execute(statement)
    connection.execute("INSERT INTO generation VALUES (?, ?)", (secrets.token_hex(8), SCHEMA_VERSION))
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _rows(connection: sqlite3.Connection, step: Step, read: Read | None) -> Sequence[Row]:
    match step:
        case Query():
            return connection.execute(step.sql, step.parameters).fetchall()
        case Many():
            connection.executemany(step.sql, step.rows)
        case Insert():
            columns = ", ".join(step.columns)
            connection.executemany(
                f"INSERT INTO {step.table} ({columns}) VALUES ({marks(step.columns)})",  # noqa: S608  (constants)
                step.rows,
            )
        case ReadRecords():
            assert read is not None
            return [(event,) for event in read(step.places)]
    return ()
