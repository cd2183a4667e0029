"""What has been told, and what has still to be delivered: one small SQLite file of the control process.

An alert and its deliveries are noted in one transaction, before anything is sent; a delivery is forgotten after its channel
has taken it. So a crash sends twice what it interrupts, and loses nothing. A lost file: what still holds is told again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from gateway_ext.alerts.alert import Alert, Kind
from gateway_ext.alerts.judgement import Told
from gateway_ext.errors import ConfigurationError

BUSY_SECONDS = 5.0
SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS alert (
  id TEXT PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL,
  account TEXT NOT NULL,
  threshold_percent INTEGER NOT NULL,
  told_unix_nano INTEGER NOT NULL,
  forget_unix_nano INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS alert_forget ON alert (forget_unix_nano);

CREATE TABLE IF NOT EXISTS delivery (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  channel TEXT NOT NULL,
  alert_id TEXT NOT NULL REFERENCES alert (id),
  UNIQUE (channel, alert_id)
) STRICT;

CREATE TABLE IF NOT EXISTS store (id TEXT NOT NULL) STRICT;
INSERT INTO store SELECT lower(hex(randomblob(16))) WHERE NOT EXISTS (SELECT 1 FROM store);
"""

INSERT_ALERT = """
INSERT INTO alert (id, kind, account, threshold_percent, told_unix_nano, forget_unix_nano, document)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"""

INSERT_DELIVERY = "INSERT INTO delivery (channel, alert_id) VALUES (?, ?)"

# In the order in which they were noted, whatever the clock said: the last one of an account wins.
SELECT_TOLD = "SELECT kind, account, threshold_percent, told_unix_nano FROM alert ORDER BY rowid"

SELECT_WAITING = """
SELECT delivery.sequence, alert.document FROM delivery JOIN alert ON alert.id = delivery.alert_id
WHERE channel = ? ORDER BY sequence LIMIT ?"""

COUNT_WAITING = "SELECT channel, count(*) FROM delivery GROUP BY channel"

SELECT_NEWEST = "SELECT document FROM alert ORDER BY told_unix_nano DESC, id LIMIT ?"

SELECT_DOCUMENTS = "SELECT id, document FROM alert"

FORGET = "DELETE FROM alert WHERE forget_unix_nano < ? AND id NOT IN (SELECT alert_id FROM delivery)"

# By when they were told; and those of channels that are no more.
GIVE_UP = """
DELETE FROM delivery WHERE channel NOT IN (SELECT value FROM json_each(?1))
  OR alert_id IN (SELECT id FROM alert WHERE told_unix_nano < ?2)"""


class SqliteAlerts:
    """All calls raise ConfigurationError saying what to do; none of them then has changed anything. They block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, alerts: Iterable[tuple[Alert, Sequence[str], int]]) -> None:
        """Keep each alert, to be delivered to its channels, and until a time (nanoseconds since 1970). Idempotent."""
        with self._writing() as connection:
            for alert, channels, forget_unix_nano in alerts:
                if connection.execute(INSERT_ALERT, _row(alert, forget_unix_nano)).rowcount:
                    connection.executemany(INSERT_DELIVERY, [(channel, alert.id) for channel in channels])

    def identity(self) -> str:
        """Another one when the file was lost and made anew."""
        with self._opened() as connection:
            return str(connection.execute("SELECT id FROM store").fetchone()[0])

    def told(self) -> dict[tuple[Kind, str], Told]:
        """What every account was last told of."""
        with self._opened() as connection:
            return {(Kind(kind), account): Told(*told) for kind, account, *told in connection.execute(SELECT_TOLD)}

    def waiting(self, channel: str, limit: int) -> list[tuple[int, Alert]]:
        """The oldest of what a channel has not taken yet, with the number that `delivered` wants."""
        with self._opened() as connection:
            rows = connection.execute(SELECT_WAITING, (channel, limit)).fetchall()
        return [(sequence, _alert(document)) for sequence, document in rows]

    def delivered(self, sequences: Sequence[int]) -> None:
        with self._writing() as connection:
            connection.executemany("DELETE FROM delivery WHERE sequence = ?", [(each,) for each in sequences])

    def of_person(self, name: str) -> list[Alert]:
        """What was told of budgets of `name` and of their runs."""
        with self._opened() as connection:
            return [_alert(each) for _, each in connection.execute(SELECT_DOCUMENTS) if _is_of(each, name)]

    def forget_person(self, name: str) -> int:
        """Delete what was told of budgets of `name` and of their runs, delivered or not; how many alerts that is."""
        with self._writing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            theirs = [(id_,) for id_, document in connection.execute(SELECT_DOCUMENTS) if _is_of(document, name)]
            connection.executemany("DELETE FROM delivery WHERE alert_id = ?", theirs)
            connection.executemany("DELETE FROM alert WHERE id = ?", theirs)
            return len(theirs)

    def counts(self) -> dict[str, int]:
        """How many wait, by channel."""
        with self._opened() as connection:
            return dict(connection.execute(COUNT_WAITING).fetchall())

    def newest(self, limit: int) -> list[Alert]:
        """The last ones that were told, newest first."""
        with self._opened() as connection:
            return [_alert(row[0]) for row in connection.execute(SELECT_NEWEST, (limit,))]

    def forget(self, now_unix_nano: int, given_up_before_unix_nano: int, channels: Sequence[str]) -> int:
        """Let go of what is over, and of deliveries that are too old or to none of `channels`; how many these were."""
        with self._writing() as connection:
            given_up = connection.execute(GIVE_UP, (json.dumps(channels), given_up_before_unix_nano)).rowcount
            connection.execute(FORGET, (now_unix_nano,))
            return given_up

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # made here for its mode, which the WAL beside it inherits
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
                _prepare(connection, self._path)
                yield connection
        except (sqlite3.Error, OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigurationError(
                f"{self._path}: the alerts' store cannot be used ({type(error).__name__}); check that this user may write"
                " it and its directory, and that the disk has room. It may be removed: what still holds is told again"
            ) from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    elif version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path}: the alerts' store has version {version}, this program knows {SCHEMA_VERSION}; use the program that"
            " wrote it, or remove it: what still holds is told again"
        )


def _row(alert: Alert, forget_unix_nano: int) -> tuple[str | int, ...]:
    document = json.dumps(asdict(alert))
    return (
        alert.id,
        alert.kind,
        alert.account,
        alert.threshold_percent,
        alert.told_unix_nano,
        forget_unix_nano,
        document,
    )


def _is_of(document: str, name: str) -> bool:
    found = _alert(document)
    return (found.scope == "user" and found.value == name) or (
        found.scope == "agent_run" and found.value.rpartition("/")[0] == name
    )


def _alert(document: str) -> Alert:
    values = json.loads(document)
    return Alert(**(values | {"kind": Kind(values["kind"])}))
