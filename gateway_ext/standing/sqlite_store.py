"""Where directives are kept: one SQLite file that operators' commands write and every processor reads.

WAL mode with synchronous=FULL: a change that was reported as done survives a power cut, and readers never wait.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple, replace
from pathlib import Path

from gateway_ext import limits
from gateway_ext.errors import ConfigurationError
from gateway_ext.standing import sqlite_schema as sql
from gateway_ext.standing.directives import EXPIRY_MARGIN_NANO, Directive, Measure, Scope, Target
from gateway_ext.standing.marker import Marker, read_marker, write_marker

BUSY_SECONDS = 5.0
MAKE = "see 'The standing store' in docs/operations.md, then run 'gateway-ext standing init'"


class StoreLost(Exception):  # noqa: N818  (a state, as Refusal is)
    """The store is absent, or not the one, or not as far as its marker says: what it holds is not what was ordered."""


class StandingStore:
    """The writing side, for operators' commands. All calls raise ConfigurationError saying what to do."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marker = marker_path(path)

    def exists(self) -> bool:
        """Whether there is, or ever was, a store here."""
        return self._path.exists() or self._marker.exists()

    def make(self, store_id: str) -> bool:
        """Begin an empty store called `store_id`, or take the one that is there for the right one. Whether it is new."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(_connect(self._path)) as connection:
                is_new = bool(connection.execute("PRAGMA user_version").fetchone()[0] == 0)
                if is_new:
                    connection.execute("PRAGMA journal_mode = WAL")
                    with _transaction(connection):
                        for statement in sql.SCHEMA.split(";"):
                            connection.execute(statement)
                        connection.execute(sql.INSERT_STORE, (store_id,))
                        connection.execute(f"PRAGMA user_version = {sql.SCHEMA_VERSION}")
                found = read_store(connection)
            write_marker(self._marker, found)
        except (sqlite3.Error, OSError, StoreLost, ValueError) as error:
            raise self._unusable(error) from error
        return is_new

    def put(self, directive: Directive) -> None:
        """Have `directive` in force, in the place of one with the same target. Drops those that are over."""
        target = directive.target
        row = (
            *astuple(target), directive.actor, directive.reason, directive.since_unix_nano, directive.expires_unix_nano
        )  # fmt: skip
        with self._change() as connection:
            connection.execute(sql.DELETE_OVER, (directive.since_unix_nano - EXPIRY_MARGIN_NANO,))
            connection.execute(sql.PUT, row)
            if connection.execute(sql.COUNT).fetchone()[0] > limits.STANDING_DIRECTIVES_MAX:
                raise ConfigurationError(
                    f"{self._path}: {limits.STANDING_DIRECTIVES_MAX} directives are in force, which is the most there can"
                    " be; undo some, and give revocations the credential's end (--expires), after which they leave"
                )

    def undo(self, target: Target) -> bool:
        """Whether there was such a directive."""
        with self._change() as connection:
            return bool(connection.execute(sql.DELETE, astuple(target)).rowcount)

    def directives(self, now_unix_nano: int) -> list[Directive]:
        """All that are in force, oldest first."""
        try:
            with closing(_connect(self._path)) as connection:
                found = load(connection, self._marker)
        except (sqlite3.Error, OSError, StoreLost, ValueError) as error:
            raise self._unusable(error) from error
        return [each for each in found if not each.is_over(now_unix_nano)]

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(_connect(self._path)) as connection:
                with _transaction(connection):
                    marker = require_the_store(connection, read_marker(self._marker))
                    yield connection
                    connection.execute(sql.ADVANCE)
                write_marker(self._marker, replace(marker, generation=marker.generation + 1))
        except (sqlite3.Error, OSError, StoreLost, ValueError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ConfigurationError:
        if isinstance(error, StoreLost) or not self._path.exists():
            return ConfigurationError(
                f"{self._path}: {error if isinstance(error, StoreLost) else 'is missing'}; {MAKE}"
            )
        return ConfigurationError(
            f"{self._path}: the standing store cannot be used ({error}); check that this user may write it and its"
            " directory, and that the disk has room"
        )


def marker_path(store: Path) -> Path:
    return store.with_suffix(".marker")


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open an existing store; used by one thread at a time. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def load(connection: sqlite3.Connection, marker: Path) -> list[Directive]:
    """All directives of one moment. Raises sqlite3.Error, OSError, ValueError, ConfigurationError, StoreLost."""
    witness = read_marker(marker)  # before the store, which is only ever ahead of it
    connection.execute("BEGIN")
    try:
        require_the_store(connection, witness)
        rows = connection.execute(sql.SELECT_ALL).fetchall()
    finally:
        connection.execute("ROLLBACK")
    return [_directive(*row) for row in rows]


def read_store(connection: sqlite3.Connection) -> Marker:
    """What the store says about itself. Raises sqlite3.Error, StoreLost."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        raise StoreLost("the standing store is empty")
    if version != sql.SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"version {version}; this program knows {sql.SCHEMA_VERSION}")
    return Marker(*connection.execute(sql.SELECT_STORE).fetchone())


def require_the_store(connection: sqlite3.Connection, witness: Marker | None) -> Marker:
    """What the store says about itself, once that agrees with its `witness`. Raises sqlite3.Error, StoreLost."""
    found = read_store(connection)
    if witness is None:
        raise StoreLost("its marker is missing")
    if found.store_id != witness.store_id:
        raise StoreLost("it was replaced by another store")
    if found.generation < witness.generation:
        raise StoreLost("it was put back from an older copy")
    return found


def _connect(path: Path) -> sqlite3.Connection:
    """Open an existing store for writing. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    connection.execute("PRAGMA synchronous = FULL")
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _directive(
    measure: str, scope: str, value: str, issuer: str, actor: str, reason: str, since: int, expires: int
) -> Directive:
    return Directive(Target(Measure(measure), Scope(scope), value, issuer), actor, reason, since, expires)
