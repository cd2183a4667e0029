"""Where it is kept what was minted: one SQLite file that commands write. No request ever waits for it.

WAL mode with synchronous=FULL: a credential that was shown is known after a power cut, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway_ext.credentials import sqlite_schema as sql
from gateway_ext.credentials.credential import Binding, Credential, Owner, State
from gateway_ext.credentials.rules import CredentialConflict
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialBudget, CredentialClass

BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Which:
    """Which credentials are asked for; what is None does not matter."""

    credential_class: CredentialClass | None = None
    subject: str | None = None
    state: State | None = None  # at the time of asking


class SqliteCredentials:
    """All calls raise ConfigurationError saying what to do; none of them then has changed anything."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, credential: Credential, live_max: int, record: Callable[[], None]) -> None:
        """Keep a new credential, unless its subject has `live_max` live ones of its class, or `record` raises."""
        with self._writing() as connection:
            _require_room(connection, credential, live_max)
            connection.execute(sql.INSERT, _row(credential))
            record()

    def replace(self, old: Credential, successor: Credential, revoke_at_unix: int, record: Callable[[], None]) -> None:
        """Keep `successor` in the place of `old`, which is to be revoked at a time, unless `record` raises."""
        with self._writing() as connection:
            retired = (successor.id, successor.created_unix, revoke_at_unix, old.id)
            if not connection.execute(sql.RETIRE, retired).rowcount:
                raise CredentialConflict(f"{old.id}: was rotated or revoked before; see 'gateway-ext keys list'")
            connection.execute(sql.INSERT, _row(successor))
            record()

    def mark_revoked(self, credential_id: str, now_unix: int) -> None:
        """Note that a credential has been revoked. Idempotent: the first time stays."""
        with self._writing() as connection:
            connection.execute(sql.REVOKE, (now_unix, credential_id))

    def forget(self, subject: str) -> int:
        """Delete what is known of the credentials of `subject`, which are to be revoked before; how many there were."""
        if not self._path.exists():
            return 0
        with self._opened() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            return connection.execute(sql.DELETE_OF, (subject,)).rowcount

    def all(self) -> list[Credential]:
        """Everything that was ever minted here, oldest first. Makes no file where there is none."""
        return self._selected(sql.SELECT_ALL)

    def of(self, credential_class: CredentialClass, subject: str) -> list[Credential]:
        """What was minted for one person or service, oldest first."""
        return self._selected(sql.SELECT_OF, (str(credential_class), subject))

    def due(self, now_unix: int) -> list[Credential]:
        """Those whose successor has had its time to take over and that still work, the longest overdue first."""
        return self._selected(sql.SELECT_DUE, {"now_unix": now_unix})

    def get(self, credential_id: str) -> Credential | None:
        """The one with exactly this id, if there is one."""
        return next(iter(self._selected(sql.SELECT_ONE, (credential_id,))), None)

    def page(self, which: Which, after: tuple[int, str], limit: int, now_unix: int) -> list[Credential]:
        """Up to `limit` of them, oldest first, beyond the one with the time of creation and the id `after`."""
        created_unix, credential_id = after
        values = asdict(which) | {"class": which.credential_class, "created_unix": created_unix, "id": credential_id}
        return self._selected(sql.SELECT_PAGE, values | {"limit": limit, "now_unix": now_unix})

    def _selected(self, statement: str, values: Sequence[str] | Mapping[str, Any] = ()) -> list[Credential]:
        if not self._path.exists():
            return []
        with self._opened() as connection:
            return [_credential(row) for row in connection.execute(statement, values)]

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
                f"{self._path}: the credentials' store cannot be used ({error}); check that this user may write it and"
                " its directory, and that the disk has room"
            ) from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if _version(connection) in sql.STEPS:
        connection.execute("BEGIN IMMEDIATE")
        while (version := _version(connection)) in sql.STEPS:  # another process may have been faster
            connection.execute(sql.STEPS[version])
            connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")
    if (version := _version(connection)) != sql.SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path}: the credentials' store has version {version}, this program knows {sql.SCHEMA_VERSION}; use the"
            " program that wrote it, or a newer one"
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _require_room(connection: sqlite3.Connection, credential: Credential, live_max: int) -> None:
    of_whom = (str(credential.credential_class), credential.owner.subject, credential.created_unix)
    if connection.execute(sql.COUNT_LIVE, of_whom).fetchone()[0] >= live_max:
        raise CredentialConflict(
            f"{credential.owner.subject} has {live_max} live {credential.credential_class} credentials, as many as policy"
            " allows (identity.yaml); revoke one first"
        )


def _row(credential: Credential) -> tuple[Any, ...]:
    return (
        credential.id,
        str(credential.credential_class),
        credential.name,
        credential.purpose,
        credential.owner.subject,
        json.dumps(asdict(credential.owner)),
        credential.created_unix,
        credential.expires_unix,
        None if credential.models is None else json.dumps(credential.models),
        json.dumps(asdict(credential.binding)),
        credential.rotated_unix,
        credential.successor,
        credential.revoke_at_unix,
        credential.revoked_unix,
        None if credential.budget is None else json.dumps(asdict(credential.budget)),
    )


def _credential(row: tuple[Any, ...]) -> Credential:
    identity, kind, name, purpose, _, owner, created, expires, models, binding, *life, budget = row
    owned = json.loads(owner)
    return Credential(
        identity,
        CredentialClass(kind),
        name,
        purpose,
        Owner(**(owned | {"groups": tuple(owned["groups"])})),
        created,
        expires,
        None if models is None else tuple(json.loads(models)),
        Binding(**json.loads(binding)),
        None if budget is None else CredentialBudget(**json.loads(budget)),
        *life,
    )
