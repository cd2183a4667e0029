"""A credential's life: minted, rotated, revoked. It is known before it is shown, and refused before it is called revoked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from gateway_ext.credentials.credential import Credential, State
from gateway_ext.credentials.minting import Asked, claims_of, credential_of, successor_of
from gateway_ext.credentials.rules import Bounds, CredentialConflict
from gateway_ext.credentials.signing import Signer, signed_token
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass

ID_CHARACTERS_MIN = 6  # of the beginning of an id, by which it may be named


class Revoker(Protocol):
    """Makes the gateway refuse a credential."""

    def revoke(self, credential_id: str, expires_unix: int) -> None:
        """From now on until it expires by itself. Idempotent. Raises ConfigurationError: it is then not revoked."""
        ...


class Journal(Protocol):
    """Notes what was minted, where it can be proved later."""

    def minted(self, credential: Credential, predecessor: str) -> None:
        """Durably, before the credential is known to anybody. Raises ConfigurationError: it is then not minted."""
        ...


class Clock(Protocol):
    def now_unix_nano(self) -> int: ...
    def new_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """All methods raise ConfigurationError; none of them then has minted or shown anything.

    CredentialInvalid says what of a wish cannot be met, CredentialConflict that it cannot be met as things are.
    """

    store: SqliteCredentials
    revoker: Revoker
    journal: Journal
    signer: Callable[[CredentialClass], Signer]
    clock: Clock

    def mint(self, asked: Asked, bounds: Bounds) -> tuple[Credential, str]:
        """A new credential and its token, which exists nowhere else."""
        credential = credential_of(asked, bounds, self.clock.new_id(), self.now_unix)
        token = self._token(credential)
        self.store.add(credential, bounds.per_subject_max, lambda: self.journal.minted(credential, ""))
        return credential, token

    def rotate(self, old: Credential, bounds: Bounds, overlap_seconds: int) -> tuple[Credential, str]:
        """A successor of `old` and its token. `old` is to be revoked after `overlap_seconds`, by `revoke_due`."""
        if old.state(self.now_unix) is not State.ACTIVE:
            raise CredentialConflict(
                f"{old.id}: is {old.state(self.now_unix)}; only an active credential can be rotated"
            )
        successor = successor_of(old, bounds, self.clock.new_id(), self.now_unix)
        token = self._token(successor)
        revoke_at_unix = successor.created_unix + overlap_seconds
        self.store.replace(old, successor, revoke_at_unix, lambda: self.journal.minted(successor, old.id))
        return successor, token

    def revoke(self, credential: Credential) -> None:
        """Have it refused from now on. One that has ended already is left alone."""
        if credential.state(self.now_unix) not in (State.REVOKED, State.EXPIRED):
            self.revoker.revoke(credential.id, credential.expires_unix)
            self.store.mark_revoked(credential.id, self.now_unix)

    def revoke_due(self) -> list[Credential]:
        """Revoke those whose successor has had its time to take over; they are returned."""
        due = self.store.due(self.now_unix)
        for each in due:
            self.revoke(each)
        return due

    @property
    def now_unix(self) -> int:
        return self.clock.now_unix_nano() // 1_000_000_000

    def _token(self, credential: Credential) -> str:
        return signed_token(claims_of(credential), self.signer(credential.credential_class))


def named(credentials: Iterable[Credential], text: str) -> Credential:
    """The one whose id begins with `text`. Raises ConfigurationError when there is none, or more than one."""
    found = [each for each in credentials if len(text) >= ID_CHARACTERS_MIN and each.id.startswith(text)]
    if len(found) != 1:
        raise ConfigurationError(
            f"'{text[:64]}' is the id of {len(found) or 'no'} credentials; give an id of 'gateway-ext keys list', or its"
            f" first {ID_CHARACTERS_MIN} characters or more"
        )
    return found[0]
