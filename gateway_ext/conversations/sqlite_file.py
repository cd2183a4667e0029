"""The store's file: begun by itself where there never was one, and known to be lost where there was.

A marker beside it names the store. Without one of the two, or with a store of another name or key, nobody can tell what
conversations have held. WAL mode with synchronous=NORMAL: what is committed survives the death of any process; a power
cut may undo the last moments.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import sqlite3
from pathlib import Path

from gateway_ext.conversations import sqlite_schema as sql
from gateway_ext.witnessed.marker import Marker, read_marker, write_marker
from gateway_ext.witnessed.store import StoreLost, marker_path

WRITE_SECONDS = 2.0  # that a write waits for others, in a thread
_ID_BYTES = 16


def connect(path: Path, key: bytes, *, timeout_seconds: float = 0.0) -> sqlite3.Connection:
    """The store of this `key`, open for reading and writing. Raises StoreLost, sqlite3.Error, OSError, ValueError."""
    witness = read_marker(marker_path(path))
    if not path.exists():
        if witness is not None:
            raise StoreLost("it is missing")
        _create(path)
    # In whatever thread has it to itself.
    connection = sqlite3.connect(path, timeout=WRITE_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        store_id = _store_id(connection, key)
        if witness is None:
            write_marker(marker_path(path), Marker(store_id, 0))
        elif witness.store_id != store_id:
            raise StoreLost("it was replaced by another store")
        connection.execute(f"PRAGMA busy_timeout = {int(timeout_seconds * 1000)}")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Make the file, for its mode, which the WAL beside it inherits."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _store_id(connection: sqlite3.Connection, key: bytes) -> str:
    """The store's name, once it proves to be of this key; an empty file becomes a store."""
    seal = hmac.digest(key, b"store", hashlib.sha256)
    if _version(connection) == 0:
        connection.execute("PRAGMA page_size = 1024")  # rows are small, and every commit writes whole pages
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) == 0:  # another process may have been faster
                for statement in sql.TABLES:
                    connection.execute(statement)
                connection.execute(sql.INSERT_STORE, (os.urandom(_ID_BYTES).hex(), seal))
                connection.execute(f"PRAGMA user_version = {sql.SCHEMA_VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    if (version := _version(connection)) != sql.SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"version {version}; this program knows {sql.SCHEMA_VERSION}")
    store_id, sealed = connection.execute(sql.SELECT_STORE).fetchone()
    if not hmac.compare_digest(sealed, seal):
        raise StoreLost("it was made with another fingerprint.key")
    return str(store_id)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
