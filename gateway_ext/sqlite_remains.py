"""What SQLite leaves of deleted rows in its files, and how it is removed.

A row that was deleted or changed stays readable in free pages, in gaps of pages and in the write-ahead log until these are
used again. VACUUM (sqlite.org/lang_vacuum.html) writes the database anew without them, and a checkpoint empties the log.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

BUSY_SECONDS = 10.0
_RETRY_SECONDS = 0.05


def remove_remains(path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
    """Blocks; writers wait meanwhile, about a second for 100 MB. Raises sqlite3.Error when others do not let go of the file."""
    uri = f"{path.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None)) as connection:
        connection.execute("VACUUM")
        deadline = time.monotonic() + busy_seconds
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() >= deadline:
                raise sqlite3.OperationalError("the write-ahead log is in use and cannot be emptied")
            time.sleep(_RETRY_SECONDS)
