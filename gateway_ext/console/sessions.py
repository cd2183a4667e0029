"""Browser sessions: a random id in a cookie, its digest in the store. The store lost: everybody logs in again.

Nothing here decides who somebody is: that is read from the kept claims by the policy of the moment (authentication.py).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway_ext.console.store import ConsoleStore
from gateway_ext.exchange import VerifiedClaims
from gateway_ext.limits import NANO, SESSION_IDLE_SECONDS, SESSION_SECONDS_MAX, SESSIONS_PER_PERSON_MAX

TOUCH_SECONDS = 60  # how stale the time of last use may be: a write for each request would be wasted
_SECRET_BYTES = 32

_COLUMNS = "digest, issuer, subject, claims, created_unix, seen_unix"
_INSERT = f"INSERT INTO session ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608  (constant)
_SELECT = f"SELECT {_COLUMNS} FROM session WHERE digest = ? AND created_unix > ? AND seen_unix > ?"  # noqa: S608
_SELECT_ALL = f"SELECT {_COLUMNS} FROM session"  # noqa: S608
_TOUCH = "UPDATE session SET seen_unix = ? WHERE digest = ?"
_DELETE = "DELETE FROM session WHERE digest = ?"
_DELETE_OF = "DELETE FROM session WHERE subject = ?"
_DELETE_OVER = "DELETE FROM session WHERE created_unix <= ? OR seen_unix <= ?"
_DELETE_BEYOND = """
DELETE FROM session WHERE digest IN (
  SELECT digest FROM session WHERE issuer = ? AND subject = ? ORDER BY created_unix DESC, digest LIMIT -1 OFFSET ?)"""


@dataclass(frozen=True, slots=True)
class Session:
    """`claims` are those that policy's issuer rule names, of the token of the login. Times are Unix seconds."""

    digest: str
    issuer: str
    subject: str
    claims: VerifiedClaims
    created_unix: int
    seen_unix: int

    @property
    def name(self) -> str:
        """For the audit trail: enough of the digest to tell sessions apart, of no use to whoever wants to find one."""
        return self.digest[:16]


def digest_of(secret: str) -> str:
    """By what the store knows a session, and the audit trail a login: SHA-256, hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Sessions:
    """All methods block and raise ConfigurationError when the store cannot be used; then nobody is signed in."""

    store: ConsoleStore
    now_unix_nano: Callable[[], int]

    def begin(self, issuer: str, subject: str, claims: Mapping[str, Any], record: Callable[[Session], None]) -> str:
        """A new session's secret, which exists nowhere else; none if `record` raises.

        The person's oldest sessions end beyond the bound.
        """
        secret, now_unix = secrets.token_urlsafe(_SECRET_BYTES), self._now_unix
        session = Session(digest_of(secret), issuer, subject, VerifiedClaims(claims), now_unix, now_unix)
        row = (session.digest, issuer, subject, json.dumps(claims), now_unix, now_unix)
        with self.store.transaction() as connection:
            connection.execute(_DELETE_BEYOND, (issuer, subject, SESSIONS_PER_PERSON_MAX - 1))
            connection.execute(_INSERT, row)
            record(session)
        return secret

    def find(self, secret: str) -> Session | None:
        """The session of a cookie, unless its time is over. Being found counts as use."""
        now_unix = self._now_unix
        with self.store.transaction() as connection:
            row = connection.execute(_SELECT, (digest_of(secret), *self._oldest)).fetchone()
            if row is None:
                return None
            session = _session(row)
            if session.seen_unix <= now_unix - TOUCH_SECONDS:
                connection.execute(_TOUCH, (now_unix, session.digest))
        return session

    def end(self, digest: str) -> bool:
        """Whether there was such a session."""
        with self.store.transaction() as connection:
            return bool(connection.execute(_DELETE, (digest,)).rowcount)

    def forget(self, subject: str) -> int:
        """End all sessions of `subject`, whichever issuer vouched; how many these were."""
        with self.store.transaction() as connection:
            return connection.execute(_DELETE_OF, (subject,)).rowcount

    def sweep(self) -> None:
        """Forget those whose time is over."""
        with self.store.transaction() as connection:
            connection.execute(_DELETE_OVER, self._oldest)

    def all(self) -> list[Session]:
        with self.store.transaction() as connection:
            return [_session(row) for row in connection.execute(_SELECT_ALL)]

    @property
    def _now_unix(self) -> int:
        return self.now_unix_nano() // NANO

    @property
    def _oldest(self) -> tuple[int, int]:
        """Unix seconds that a session must have begun, and been used, after."""
        return self._now_unix - SESSION_SECONDS_MAX, self._now_unix - SESSION_IDLE_SECONDS


def _session(row: tuple[Any, ...]) -> Session:
    digest, issuer, subject, claims, created_unix, seen_unix = row
    return Session(digest, issuer, subject, VerifiedClaims(json.loads(claims)), created_unix, seen_unix)
