"""Credentials on behalf of somebody who has logged in: read, minted, rotated, revoked. Calls block; all is recorded before.

Shared by the routes of own credentials, of anybody's and of services'. Raises Problem and ConfigurationError.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gateway_ext.administration.credentials import life_cycle
from gateway_ext.administration.orders import in_force
from gateway_ext.console.credential_shapes import CredentialMinted, CredentialShown, Rotation, credential_shown
from gateway_ext.console.idempotency import Answer
from gateway_ext.console.pagination import Key, Page, Wanted, no_cursor, write_cursor
from gateway_ext.console.person import Person
from gateway_ext.console.problems import NotFound
from gateway_ext.credentials.credential import Credential, Owner
from gateway_ext.credentials.life_cycle import LifeCycle
from gateway_ext.credentials.minting import Asked
from gateway_ext.credentials.rules import Bounds
from gateway_ext.credentials.sqlite_store import Which
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.settings import Settings

REVOKED = "revoked in the console"
_log = logging.getLogger(__name__)
_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Desk:
    """What `person` does with credentials. `because` is recorded with what they revoke, `path` is where they find one."""

    settings: Settings
    person: Person
    path: str
    because: str = REVOKED

    def listed(self, which: Which, asked: Wanted) -> Page[CredentialShown]:
        """Oldest first. Raises Invalid for a cursor of another list."""
        found = self.life.store.page(which, _after(asked.after), asked.limit + 1, self.life.now_unix)
        items = tuple(found[: asked.limit])
        return Page(self.all_shown(items), write_cursor(_key(items[-1])) if len(found) > len(items) else None)

    def get(self, credential_id: str, is_meant: Callable[[Credential], bool]) -> Credential:
        """Raises NotFound, also for one that is not meant: that it exists is nothing to them."""
        found = self.life.store.get(credential_id)
        if found is None or not is_meant(found):
            raise NotFound
        return found

    def shown(self, credential: Credential) -> CredentialShown:
        return credential_shown(credential, self.life.now_unix, in_force(self.settings))

    def mint(self, asked: Asked, policy: Snapshot) -> Answer:
        credential, token = self.life.mint(asked, bounds_of(policy, asked.credential_class))
        return self._minted(credential, token)

    def rotate(self, old: Credential, rotation: Rotation, policy: Snapshot, owner: Owner | None = None) -> Answer:
        """`owner`: who the successor speaks for, if that may have changed since."""
        asked = old if owner is None else replace(old, owner=owner)
        bounds = bounds_of(policy, old.credential_class)
        successor, token = self.life.rotate(asked, bounds, rotation.overlap_minutes * _SECONDS_PER_MINUTE)
        if rotation.overlap_minutes == 0:
            self._end(old)
        return self._minted(successor, token)

    def _end(self, old: Credential) -> None:
        """At once if possible: its successor's token must be shown in any case, and the control process tries again."""
        try:
            self.life.revoke(old)
        except ConfigurationError as error:
            _log.error("console: a rotated credential is not revoked yet: %s", error.diagnostics())

    def revoke(self, credential: Credential) -> Answer:
        """Idempotent; one that has ended already stays as it is."""
        self.life.revoke(credential)
        now = self.life.store.get(credential.id) or credential
        return Answer(200, self.shown(now).model_dump(mode="json", by_alias=True))

    def all_shown(self, credentials: Iterable[Credential]) -> tuple[CredentialShown, ...]:
        orders, now_unix = in_force(self.settings), self.life.now_unix
        return tuple(credential_shown(each, now_unix, orders) for each in credentials)

    @property
    def life(self) -> LifeCycle:
        return life_cycle(self.settings, self.person.actor, self.because)

    def _minted(self, credential: Credential, token: str) -> Answer:
        # Without the orders of the moment: once it is minted nothing may fail before its token is shown.
        shown = credential_shown(credential, credential.created_unix, ())
        minted = CredentialMinted.model_validate(
            {**shown.model_dump(by_alias=True), "token": token, "token_shown": True}
        )
        body = minted.model_dump(mode="json", by_alias=True)
        return Answer(201, body, f"{self.path}/{credential.id}", later={"token": None, "token_shown": False})


def bounds_of(policy: Snapshot, credential_class: CredentialClass) -> Bounds:
    rules = policy.credentials
    return rules.service if credential_class is CredentialClass.SERVICE else rules.personal


def _key(credential: Credential) -> tuple[int, str]:
    """Where a list goes on after it."""
    return credential.created_unix, credential.id


def _after(key: Key | None) -> tuple[int, str]:
    match key:
        case None:
            return (0, "")
        case (int(created_unix), str(identity)):
            return created_unix, identity
    raise no_cursor()
