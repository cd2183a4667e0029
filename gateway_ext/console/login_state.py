"""Logins under way: what must be known of a login when the browser comes back from the identity provider. Each counts once."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway_ext.console.sessions import digest_of
from gateway_ext.console.store import ConsoleStore
from gateway_ext.limits import LOGIN_SECONDS_MAX, LOGINS_UNDER_WAY_MAX, NANO

_SECRET_BYTES = 32

_INSERT = "INSERT INTO login (state_digest, browser_digest, provider, next, begun_unix) VALUES (?, ?, ?, ?, ?)"
_TAKE = "DELETE FROM login WHERE state_digest = ? RETURNING browser_digest, provider, next, begun_unix"
_DELETE_OVER = "DELETE FROM login WHERE begun_unix <= ?"
_DELETE_BEYOND = """
DELETE FROM login WHERE state_digest IN (
  SELECT state_digest FROM login ORDER BY begun_unix DESC, state_digest LIMIT -1 OFFSET ?)"""


@dataclass(frozen=True, slots=True)
class LoginUnderWay:
    """`next` is the local path to go to afterwards.

    `state` goes to the provider and back, `browser` stays in the browser's cookie: only both together go on. What the
    provider is to repeat, or to check, is made of both; the store has digests alone, from which nothing follows.
    """

    provider: str
    next: str
    state: str = field(repr=False)
    browser: str = field(repr=False)

    @property
    def nonce(self) -> str:
        """OpenID Connect Core 1.0 §15.5.2."""
        return self._derived("nonce")

    @property
    def code_verifier(self) -> str:
        """43 characters of 256 bits (RFC 7636 §4.1)."""
        return self._derived("code_verifier")

    def _derived(self, name: str) -> str:
        digest = hmac.digest(self.browser.encode(), f"{name}:{self.state}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class LoginsUnderWay:
    """All methods block and raise ConfigurationError when the store cannot be used."""

    store: ConsoleStore
    now_unix_nano: Callable[[], int]

    def begin(self, provider: str, next_path: str) -> LoginUnderWay:
        """256 random bits each for the state and the browser. The oldest login is forgotten beyond the bound."""
        login = LoginUnderWay(
            provider, next_path, secrets.token_urlsafe(_SECRET_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        )
        row = (digest_of(login.state), digest_of(login.browser), provider, next_path, self._now_unix)
        with self.store.transaction() as connection:
            connection.execute(_DELETE_OVER, (self._now_unix - LOGIN_SECONDS_MAX,))
            connection.execute(_DELETE_BEYOND, (LOGINS_UNDER_WAY_MAX - 1,))
            connection.execute(_INSERT, row)
        return login

    def take(self, state: str, browser: str) -> LoginUnderWay | None:
        """The login of a state that came back to the browser that it was begun in, in time. It can be taken once."""
        with self.store.transaction() as connection:
            row = connection.execute(_TAKE, (digest_of(state),)).fetchone()
        if row is None:
            return None
        browser_digest, provider, next_path, begun_unix = row
        if browser_digest != digest_of(browser) or begun_unix <= self._now_unix - LOGIN_SECONDS_MAX:
            return None
        return LoginUnderWay(provider, next_path, state, browser)

    @property
    def _now_unix(self) -> int:
        return self.now_unix_nano() // NANO
