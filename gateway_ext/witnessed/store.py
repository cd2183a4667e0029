"""A SQLite file that a marker beside it bears witness for: begun by an operator, never anew by itself, changed durably.

WAL mode with synchronous=FULL: a change that was reported as done survives a power cut, and readers never wait.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway_ext.errors import ConfigurationError
from gateway_ext.witnessed.marker import Marker, read_marker, write_marker

BUSY_SECONDS = 5.0
CREATE_STORE = "CREATE TABLE store (id TEXT PRIMARY KEY NOT NULL, generation INTEGER NOT NULL) STRICT"
INSERT_STORE = "INSERT INTO store (id, generation) VALUES (?, 0)"
SELECT_STORE = "SELECT id, generation FROM store"
ADVANCE = "UPDATE store SET generation = generation + 1"


class StoreLost(Exception):  # noqa: N818  (a state, as Refusal is)
    """The store is absent, or not the one, or not as far as its marker says: what it holds is not what was done."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a store is called, its own tables (statements apart by semicolons), and what to do when it is lost."""

    name: str
    version: int
    tables: str
    remedy: str


class WitnessedStore:
    """All calls raise ConfigurationError saying what to do, unless told otherwise."""

    def __init__(self, path: Path, kind: Kind, busy_seconds: float = BUSY_SECONDS) -> None:
        """`busy_seconds`: for how long a change waits for another one."""
        self.path = path
        self.kind = kind
        self._busy_seconds = busy_seconds
        self._marker = marker_path(path)

    def exists(self) -> bool:
        """Whether there is, or ever was, a store here."""
        return self.path.exists() or self._marker.exists()

    def make(self, store_id: str) -> bool:
        """Begin an empty store called `store_id`, or take the one that is there for the right one. Whether it is new."""
        with self._explained():
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(self._connect()) as connection:
                is_new = _version(connection) == 0 and self._begin(connection, store_id)
                write_marker(self._marker, self._read(connection))
        return is_new

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """One change, durable when this ends; none at all when it is left by an exception."""
        with self._explained(), closing(self._connect()) as connection:
            with _transaction(connection):
                marker = self._require_the_one(connection, read_marker(self._marker))
                yield connection
                connection.execute(ADVANCE)
            write_marker(self._marker, replace(marker, generation=marker.generation + 1))

    @contextmanager
    def adding(self) -> Iterator[sqlite3.Connection]:
        """As `changing`, for what an older copy may lack without undoing anything: the marker stays as it is."""
        with self._explained(), closing(self._connect()) as connection, _transaction(connection):
            self._require_the_one(connection, read_marker(self._marker))
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """What the store holds at one moment."""
        with self._explained(), closing(self._connect()) as connection, self.moment(connection):
            yield connection

    @contextmanager
    def moment(self, connection: sqlite3.Connection) -> Iterator[None]:
        """The same on a connection of the caller's. Raises sqlite3.Error, OSError, ValueError, StoreLost."""
        witness = read_marker(self._marker)  # before the store, which is only ever ahead of it
        connection.execute("BEGIN")
        try:
            self._require_the_one(connection, witness)
            yield
        finally:
            connection.execute("ROLLBACK")

    def connect_for_reading(self) -> sqlite3.Connection:
        """Open an existing store; used by one thread at a time, and waits for nobody. Raises sqlite3.Error."""
        connection = sqlite3.connect(self._uri(), uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _begin(self, connection: sqlite3.Connection, store_id: str) -> bool:
        """Whether nobody else, who started at the same time, was faster."""
        connection.execute("PRAGMA journal_mode = WAL")
        with _transaction(connection):
            if _version(connection) != 0:
                return False
            for statement in (CREATE_STORE, *self.kind.tables.split(";")):
                connection.execute(statement)
            connection.execute(INSERT_STORE, (store_id,))
            connection.execute(f"PRAGMA user_version = {self.kind.version}")
        return True

    def _read(self, connection: sqlite3.Connection) -> Marker:
        """What the store says about itself. Raises sqlite3.Error, StoreLost."""
        version = _version(connection)
        if version == 0:
            raise StoreLost(f"the {self.kind.name} is empty")
        if version != self.kind.version:
            raise sqlite3.DatabaseError(f"version {version}; this program knows {self.kind.version}")
        return Marker(*connection.execute(SELECT_STORE).fetchone())

    def _require_the_one(self, connection: sqlite3.Connection, witness: Marker | None) -> Marker:
        """What the store says about itself, once that agrees with its `witness`. Raises sqlite3.Error, StoreLost."""
        found = self._read(connection)
        if witness is None:
            raise StoreLost("its marker is missing")
        if found.store_id != witness.store_id:
            raise StoreLost("it was replaced by another store")
        if found.generation < witness.generation:
            raise StoreLost("it was put back from an older copy")
        return found

    def _connect(self) -> sqlite3.Connection:
        """Open an existing store for writing. Raises sqlite3.Error."""
        connection = sqlite3.connect(self._uri(), uri=True, timeout=self._busy_seconds, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _uri(self) -> str:
        return f"{self.path.resolve().as_uri()}?mode=rw"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, StoreLost, ValueError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ConfigurationError:
        if isinstance(error, StoreLost) or not self.path.exists():
            what = error if isinstance(error, StoreLost) else "is missing"
            return ConfigurationError(f"{self.path}: {what}; {self.kind.remedy}")
        return ConfigurationError(
            f"{self.path}: the {self.kind.name} cannot be used ({error}); check that this user may write it and its"
            " directory, and that the disk has room"
        )


def marker_path(store: Path) -> Path:
    return store.with_suffix(".marker")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
