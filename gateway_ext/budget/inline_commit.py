"""One short transaction on the caller's own thread, when the ledger's lock is free at this very moment.

Handing work to the writing thread costs three times what the work does: two wake-ups, and a fight for the interpreter
at each of SQLite's calls. Nothing here waits: a lock that is taken sends the work to the thread, a commit ends in the
page cache (synchronous is NORMAL), and checkpoints, which do wait for the disk, are left to the thread.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from gateway_ext.errors import Refusal

Result = TypeVar("Result")


class InlineCommit:
    """Belongs to the thread that opened `connection`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._connection = connection
        self._cursor = connection.cursor()
        self.commits = 0

    def attempt(self, work: Callable[[sqlite3.Cursor], Result]) -> Result | None:
        """The work's result, committed; None when it could not be done now and nothing was. Raises its Refusal.

        A commit reported as failed may have been kept, so `work` must be safe to repeat.
        """
        cursor = self._cursor
        try:
            cursor.execute("BEGIN IMMEDIATE")
            result = work(cursor)
            cursor.execute("COMMIT")
            self.commits += 1
        except Refusal:
            self._roll_back()
            raise
        except Exception:  # noqa: BLE001  locked, full, damaged: the thread waits for it, or finds the words for it
            self._roll_back()
            return None
        return result

    def close(self) -> None:
        self._connection.close()

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.rollback()
