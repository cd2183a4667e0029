"""The store as a running process sees it: one open connection, and a look that costs microseconds when nothing changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateway_ext.standing.directives import Directive
from gateway_ext.standing.sqlite_store import StoreLost, connect_for_reading, load, marker_path


class StoreReader:
    """Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marker = marker_path(path)
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._version: int | None = None  # of the last whole reading

    def look(self) -> list[Directive] | None:
        """All directives when they may have changed since the last look; None when they have not.

        Raises sqlite3.Error, OSError, ValueError, ConfigurationError, StoreLost; the next look then reads all of it.
        """
        try:
            return self._look()
        except BaseException:
            self.close()
            raise

    def _look(self) -> list[Directive] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            raise StoreLost("there is no standing store") from None
        identity = status.st_dev, status.st_ino
        if self._connection is None or identity != self._identity:  # SQLite goes on reading a file that was removed
            self.close()
            self._connection, self._identity = connect_for_reading(self._path), identity
        # Changes with each commit of another connection (sqlite.org/pragma.html#pragma_data_version). Asked for before
        # reading: a change in between is then read twice, never missed.
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return None
        found = load(self._connection, self._marker)
        self._version = version
        return found

    def close(self) -> None:
        """Close the file; the next look opens it anew."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._version = self._identity = None
