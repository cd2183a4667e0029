"""Where legal holds are kept: one SQLite file that operators' commands write and retention reads before it erases."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

from gateway_ext.audit.retention.legal_hold import LegalHold
from gateway_ext.witnessed.store import Kind, WitnessedStore

_TABLES = """
CREATE TABLE hold (
  name TEXT PRIMARY KEY NOT NULL,
  subject TEXT NOT NULL,
  team TEXT NOT NULL,
  exchange_id TEXT NOT NULL,
  from_unix_nano INTEGER NOT NULL,
  until_unix_nano INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  since_unix_nano INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""
_COLUMNS = "name, subject, team, exchange_id, from_unix_nano, until_unix_nano, actor, reason, since_unix_nano"
_SELECT = f"SELECT {_COLUMNS} FROM hold ORDER BY since_unix_nano, name"  # noqa: S608  (a constant)
_INSERT = f"INSERT INTO hold ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  (a constant)

REMEDY = "nothing is erased meanwhile; see 'Legal holds' in docs/operations.md, then run 'gateway-ext audit hold init'"
KIND = Kind("store of legal holds", 1, _TABLES, REMEDY)


class HoldStore(WitnessedStore):
    """All calls raise ConfigurationError saying what to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, KIND)

    def put(self, hold: LegalHold) -> None:
        """Have `hold` in force. Its name is not that of another one."""
        with self.changing() as connection:
            connection.execute(_INSERT, astuple(hold))

    def lift(self, name: str) -> bool:
        """Whether there was one of this name."""
        with self.changing() as connection:
            return bool(connection.execute("DELETE FROM hold WHERE name = ?", (name,)).rowcount)

    def rename_actor(self, actor: str, new_name: str) -> int:
        """Name another as having set the holds of `actor`; how many these are. They stay in force."""
        with self.changing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            return connection.execute("UPDATE hold SET actor = ? WHERE actor = ?", (new_name, actor)).rowcount

    def holds(self) -> tuple[LegalHold, ...]:
        """All that are in force, oldest first."""
        with self.reading() as connection:
            return tuple(LegalHold(*row) for row in connection.execute(_SELECT))
