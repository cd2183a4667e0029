"""Where it is kept which pseudonym names whom, and the key of each: one private SQLite file, and nowhere else.

Its marker counts erasures. So a copy from before one, which would bring back who was erased, is recognised and refused; that
a copy lacks the newest pseudonyms only makes these unrevealable. Lost: nobody can be revealed any more.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.sqlite_remains import remove_remains
from gateway_ext.subjects import sqlite_schema as sql
from gateway_ext.subjects.subject import Erased, Subject, new_subject
from gateway_ext.witnessed.store import BUSY_SECONDS, SELECT_STORE, Kind, WitnessedStore

MAKE = "see 'When the store is lost' in docs/privacy.md, then run 'gateway-ext subjects init'"
KIND = Kind("subjects store", sql.SCHEMA_VERSION, sql.TABLES, MAKE)


class SubjectsStore(WitnessedStore):
    """All calls block, and raise ConfigurationError saying what to do."""

    def __init__(self, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        super().__init__(path, KIND, busy_seconds)

    def begin(self) -> None:
        """Begin a store where there never was one. One that is lost stays lost: that is for an operator to accept."""
        if not self.exists():
            self.make(SystemClock().new_id())

    def of(self, name: str) -> Subject:
        """Whoever has this name; with a new pseudonym and key, durably, when nobody has."""
        return self.find(name) or self._add(name)

    def find(self, name: str) -> Subject | None:
        with self.reading() as connection:
            return _by_name(connection, name)

    def get(self, pseudonym: str) -> Subject | Erased | None:
        """Whom `pseudonym` names; None when it was never given here."""
        with self.reading() as connection:
            row = connection.execute(sql.SELECT_BY_PSEUDONYM, (pseudonym,)).fetchone()
        if row is None:
            return None
        *known, erased_unix_nano = row
        return Erased(pseudonym, erased_unix_nano) if erased_unix_nano else Subject(*known)

    def erase(self, pseudonym: str, now_unix_nano: int) -> bool:
        """Destroy name and key, in the file and its log, too. Whether there was somebody to erase; run again, it finishes."""
        with self.changing() as connection:
            is_erased = bool(connection.execute(sql.ERASE, (now_unix_nano, pseudonym)).rowcount)
        try:
            remove_remains(self.path)
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"{self.path}: erased, but the file could not be rewritten without what is left of it ({error}); run it again"
            ) from error
        return is_erased

    def _add(self, name: str) -> Subject:
        subject = new_subject(name)
        row = (subject.pseudonym, subject.name, subject.key, SystemClock().now_unix_nano())
        with self.adding() as connection:
            connection.execute(sql.INSERT, row)
            added = _by_name(connection, name)  # another process may have been faster
        assert added is not None
        return added

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA secure_delete = ON")
        return connection


def state_of(connection: sqlite3.Connection) -> tuple[str, int]:
    """The store's id and how often anybody was erased: another one, and what was known of it holds no more.

    Raises sqlite3.Error.
    """
    store_id, erasures = connection.execute(SELECT_STORE).fetchone()
    return store_id, erasures


def _by_name(connection: sqlite3.Connection, name: str) -> Subject | None:
    row = connection.execute(sql.SELECT_BY_NAME, (name,)).fetchone()
    return None if row is None else Subject(*row)
