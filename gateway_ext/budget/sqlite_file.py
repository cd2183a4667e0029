"""How the ledger's file is opened, and how long anything waits for it.

SQLite in WAL mode with synchronous=NORMAL: a commit survives the death of any process, and no accident corrupts the
file. A power cut may undo the last commits, those since the last checkpoint (at most about 4 MiB of them): holds and
postings of the last moments are then missing, and the audit trail, which is synced on its own, tells which.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from gateway_ext.budget.sqlite_schema import MIGRATIONS, SCHEMA, SCHEMA_VERSION
from gateway_ext.errors import ConfigurationError

SQLITE_VERSION_MIN = (3, 37, 0)  # STRICT tables
BUSY_SECONDS = 2.0  # below STEP_DEADLINE_SECONDS: a request gets its 503 from us, not a cut stream
BUSY_POLL_SECONDS = 0.0005
WAL_BYTES_KEPT_MAX = 64 * 1024 * 1024

Result = TypeVar("Result")


def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger for writing, creating it (mode 0600) when absent. Raises ConfigurationError naming path and fix."""
    if sqlite3.sqlite_version_info < SQLITE_VERSION_MIN:
        raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old for the ledger; 3.37 or newer is needed")
    try:
        return patiently(partial(_open, path))
    except (sqlite3.Error, OSError) as error:
        raise ConfigurationError(
            f"{path}: the ledger cannot be opened ({error}); check that it is a gateway ledger, that this user may"
            " write it and its directory, and that the disk has room"
        ) from error


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open an existing ledger for reading; writers are not disturbed. Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def patiently(attempt: Callable[[], Result]) -> Result:
    """Repeat `attempt` while another process has the lock, for about BUSY_SECONDS. Raises sqlite3.Error.

    SQLite's own waiting pauses up to 100 ms between tries and so misses the short gaps between others' commits.
    """
    for _ in range(int(BUSY_SECONDS / BUSY_POLL_SECONDS)):
        try:
            return attempt()
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY"):
                raise
        time.sleep(BUSY_POLL_SECONDS)
    return attempt()


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _create(path)
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        # Rows are small and every commit writes whole pages: small pages make the write-ahead log a quarter of the size.
        for pragma in (
            "page_size = 1024",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            f"journal_size_limit = {WAL_BYTES_KEPT_MAX}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        _prepare_schema(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Make the file, for its mode, which the WAL beside it inherits. One that exists is not touched.

    Closing any descriptor of the file ends all locks that this process has on it (POSIX, fcntl(2)), those of a connection
    that is already open included; another process would then delete the WAL from under it.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _prepare_schema(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == SCHEMA_VERSION:
        return
    if version in MIGRATIONS:
        _migrate(connection)
        return
    if version != 0:
        raise ConfigurationError(
            f"{path}: the ledger has version {version}, this program knows {SCHEMA_VERSION}; use the program that wrote"
            " it, or a newer one"
        )
    connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again behind the lock: another process may have been faster.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        steps = [MIGRATIONS[each] for each in range(version, SCHEMA_VERSION)]
        for statement in ";".join([*steps, SCHEMA]).split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
