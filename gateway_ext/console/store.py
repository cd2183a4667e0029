"""The console's own store: one SQLite file, opened for each call. Calls block: make them in a thread.

Lost or of another version: it begins empty. Everybody logs in again, and repeated requests are not recognised.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gateway_ext.console.schema import SCHEMA, SCHEMA_VERSION
from gateway_ext.errors import ConfigurationError

BUSY_SECONDS = 5.0


class ConsoleStore:
    """What is under `transaction` happens wholly or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection that may write. Raises ConfigurationError; then nothing has changed."""
        try:
            with self._opened() as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
        except (sqlite3.Error, OSError) as error:
            raise ConfigurationError(
                f"{self._path}: the console's store cannot be used ({error}); check that this user may write it and its"
                " directory, and that the disk has room. It may be deleted: everybody then logs in again"
            ) from error

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # made here for its mode, which the WAL beside it inherits
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # an answer that was given is known after a power cut, too
            connection.execute("PRAGMA secure_delete = ON")
            _prepare(connection)
            yield connection


def _prepare(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:  # another thread may have been faster
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall():
            connection.execute(f'DROP TABLE "{table}"')
        for statement in SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")
