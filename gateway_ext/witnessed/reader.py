"""A store as a running process sees it: one open connection, and a look that costs microseconds when nothing changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Generic, TypeVar

from gateway_ext.witnessed.store import StoreLost, WitnessedStore

Found = TypeVar("Found")


class StoreReader(Generic[Found]):
    """`load` reads what is wanted, at one moment. Used by one thread at a time."""

    def __init__(self, store: WitnessedStore, load: Callable[[sqlite3.Connection], Found]) -> None:
        self.store = store
        self._load = load
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._version: int | None = None  # of the last whole reading

    def look(self) -> Found | None:
        """What is there when it may have changed since the last look; None when it has not.

        Raises sqlite3.Error, OSError, ValueError, ConfigurationError, StoreLost; the next look then reads all of it.
        """
        try:
            return self._look()
        except BaseException:
            self.close()
            raise

    def _look(self) -> Found | None:
        try:
            status = self.store.path.stat()
        except FileNotFoundError:
            raise StoreLost(f"there is no {self.store.kind.name}") from None
        identity = status.st_dev, status.st_ino
        if self._connection is None or identity != self._identity:  # SQLite goes on reading a file that was removed
            self.close()
            self._connection, self._identity = self.store.connect_for_reading(), identity
        # Changes with each commit of another connection (sqlite.org/pragma.html#pragma_data_version). Asked for before
        # reading: a change in between is then read twice, never missed.
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return None
        with self.store.moment(self._connection):
            found = self._load(self._connection)
        self._version = version
        return found

    def close(self) -> None:
        """Close the file; the next look opens it anew."""
        if self._connection is not None:
            self._connection.close()
        self._connection = self._version = self._identity = None
