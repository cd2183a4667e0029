"""What conversations have held, for all processors of a machine: one SQLite file of keys, names of classes and days.

Reading and writing are short transactions on the event loop (ADR 4): a read is by primary key, a write waits for
nobody; what finds the lock taken goes to a thread, and so does now and then one that makes the checkpoint.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from pathlib import Path

from gateway_ext.conversations import sqlite_schema as sql
from gateway_ext.conversations.sqlite_file import WRITE_SECONDS, connect
from gateway_ext.errors import ConversationsUnavailable
from gateway_ext.limits import CONVERSATION_KEYS_REMEMBERED_MAX, NANO
from gateway_ext.witnessed.store import StoreLost

_DAY_NANO = 86_400 * NANO
_WRITES_PER_CHECKPOINT = 256
_PRUNED_AT_ONCE = 2_000  # rows: others' writes wait for so many at most
_TROUBLE = (sqlite3.Error, OSError, ValueError, StoreLost)
_NOTHING: frozenset[str] = frozenset()
_Row = tuple[bytes, str, int]

_log = logging.getLogger(__name__)


class SqliteConversations:
    """A `Conversations`. Used on one event loop; opens the store when it is first asked."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._trouble = ""
        self._writes = 0
        self._written: set[tuple[bytes, str]] = set()  # rows that are in the store with today's date
        self._today = 0

    def held(self, keys: Sequence[bytes]) -> dict[bytes, frozenset[str]] | None:
        """The classes held under each of `keys` that is known; none of them is "known, and none". None: nobody can tell."""
        found: dict[bytes, frozenset[str]] = {}
        try:
            rows = self._opened().execute(sql.select(len(keys)), keys).fetchall()
        except _TROUBLE as error:
            self._complain(error)
            return None
        for key, name in rows:
            found[key] = found.get(key, _NOTHING) | ({name} if name else _NOTHING)
        return found

    async def remember(self, keys: Sequence[bytes], classes: Collection[str], now_unix_nano: int) -> None:
        """Have `classes` be held under `keys` from now on, or have them known as holding none.

        Raises ConversationsUnavailable when that may not be so.
        """
        day = now_unix_nano // _DAY_NANO
        if day != self._today or len(self._written) > CONVERSATION_KEYS_REMEMBERED_MAX:
            self._today = day
            self._written.clear()
        new = [(key, name) for key in keys for name in classes or ("",) if (key, name) not in self._written]
        if not new:
            return
        rows = [(key, name, day) for key, name in new]
        try:
            if not self._write_at_once(rows):
                await asyncio.to_thread(self._write_patiently, rows)
        except _TROUBLE as error:
            self._complain(error)
            raise ConversationsUnavailable from None
        self._written.update(new)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._file = None
        self._written.clear()

    def _opened(self) -> sqlite3.Connection:
        """Raises what `connect` raises."""
        status = None
        with suppress(FileNotFoundError):
            status = os.stat(self._path)
        if self._connection is not None and status is not None and self._file == (status.st_dev, status.st_ino):
            return self._connection
        self.close()  # SQLite goes on reading a file that was removed
        connection = connect(self._path, self._key)
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        status = os.stat(self._path)
        self._connection, self._file = connection, (status.st_dev, status.st_ino)
        if self._trouble:
            self._trouble = ""
            _log.warning("conversations %s: are known again", self._path)
        return connection

    def _write_at_once(self, rows: Sequence[_Row]) -> bool:
        """False when it could not be done now, and nothing was."""
        self._writes += 1
        if self._writes % _WRITES_PER_CHECKPOINT == 0:
            return False
        connection = self._opened()
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(sql.PUT, rows)
            connection.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.rollback()
            return False
        return True

    def _write_patiently(self, rows: Sequence[_Row]) -> None:
        with closing(connect(self._path, self._key, timeout_seconds=WRITE_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(sql.PUT, rows)
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _complain(self, error: Exception) -> None:
        with suppress(sqlite3.Error):
            self.close()
        trouble = str(error) if isinstance(error, StoreLost) else f"{type(error).__name__}: {error}"
        if trouble != self._trouble:  # once, not with each request
            self._trouble = trouble
            _log.error("conversations %s: cannot be told (%s); all count as sticky", self._path, trouble)


def prune(path: Path, key: bytes, kept_days: int, now_unix_nano: int) -> int:
    """Forget what was not touched for `kept_days`; how many rows. Blocks. Raises ConversationsUnavailable."""
    if not path.exists():
        return 0  # begun by a processor, once there is something to remember
    pruned = 0
    try:
        with closing(connect(path, key, timeout_seconds=WRITE_SECONDS)) as connection:
            oldest = now_unix_nano // _DAY_NANO - kept_days
            while rows := connection.execute(sql.DELETE_OLD, (oldest, _PRUNED_AT_ONCE)).rowcount:
                pruned += rows
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except _TROUBLE as error:
        raise ConversationsUnavailable from error
    return pruned
