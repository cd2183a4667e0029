"""What stands behind a credential's life in a state directory: signing keys, the store, orders, the audit trail.

    life = life_cycle(settings, by, because)        # `because`: the reason recorded with what `by` revokes
    life.mint(Asked(…, owner_of(principal), budget_nano=…), bounds)         -> (Credential, token)
    life.rotate(old, bounds, overlap_seconds)                               -> (Credential, token)
    life.revoke(credential)
    life.store.all(), .of(credential_class, subject)                        -> list[Credential], oldest first
    life.store.get(credential_id)                                           -> Credential | None
    credential.state(life.now_unix)                                         -> State

`bounds` is `personal` or `service` of the policy's `credentials`. All of it blocks, and raises ConfigurationError:
CredentialInvalid with `field` (of Asked, Owner or Binding; "budget") and `problem`, CredentialConflict (credentials/rules.py)
when it cannot be done as things are. `minting.nano_units(text)` reads a budget. A token exists nowhere else: show it once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway_ext.administration import orders
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.recording import record_durably, recorded_name
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.clock import SystemClock
from gateway_ext.credentials.credential import ISSUERS, Credential
from gateway_ext.credentials.key_set import KeySet
from gateway_ext.credentials.life_cycle import LifeCycle
from gateway_ext.credentials.rules import DAY_SECONDS, DAYS_MAX
from gateway_ext.credentials.signing import Signer, SigningKeys
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.exchange import CredentialClass
from gateway_ext.limits import NANO
from gateway_ext.settings import Settings
from gateway_ext.standing.directives import Measure, Scope, Target

OVERLAP_ENDED = "the overlap with its successor has ended"
SIGNING_ROTATED = "gateway-ext keys signing rotate"


@dataclass(frozen=True, slots=True)
class OrderedRevoker:
    """Revokes by an operator's order, which is recorded and which every processor follows."""

    settings: Settings
    by: Actor
    reason: str

    def revoke(self, credential_id: str, expires_unix: int) -> None:
        target = Target(Measure.REVOKED, Scope.CREDENTIAL, credential_id)
        orders.give(self.settings, target, self.by, self.reason, expires_unix * NANO)


@dataclass(frozen=True, slots=True)
class AuditJournal:
    """Notes in the audit trail."""

    settings: Settings
    by: Actor

    def minted(self, credential: Credential, predecessor: str) -> None:
        origin = f"successor of {predecessor}" if predecessor else credential.name
        owner = credential.owner.subject
        if credential.credential_class is not CredentialClass.SERVICE:
            owner = recorded_name(self.settings, owner)
        self._note(
            EventName.CREDENTIAL_MINTED,
            "credential",
            credential.id,
            ISSUERS[credential.credential_class].name,
            f"for {owner}: {origin}",
            credential.expires_unix * NANO,
        )

    def signing_key_changed(self, name: EventName, issuer: str, because: str) -> None:
        """Durably, before it is. Raises ConfigurationError: it is then not changed."""
        self._note(name, "issuer", issuer, issuer, because)

    def _note(
        self, name: EventName, scope: str, value: str, issuer: str, reason: str, expires_unix_nano: int = 0
    ) -> None:
        by = self.by
        record = OrderRecord(name, scope, value, issuer, by.name, by.user, reason, expires_unix_nano, by.issuer)
        record_durably(self.settings, record)


def life_cycle(settings: Settings, by: Actor, revoked_because: str) -> LifeCycle:
    """The one of a state directory, for what `by` does. Makes nothing there yet."""
    clock = SystemClock()

    def signer(credential_class: CredentialClass) -> Signer:
        keys = signing_keys(settings)
        name, now_unix = ISSUERS[credential_class].name, clock.now_unix_nano() // NANO
        keys.ensure(name, now_unix)
        return keys.signer(name, now_unix)

    return LifeCycle(
        store=SqliteCredentials(settings.layout.credentials),
        revoker=OrderedRevoker(settings, by, revoked_because),
        journal=AuditJournal(settings, by),
        signer=signer,
        clock=clock,
    )


def signing_keys(settings: Settings) -> SigningKeys:
    """The keys that sign credentials: those of the operator's program if settings name one, else files."""
    # Late, because they come with the extra `credentials`, which a control process that only revokes does without.
    from gateway_ext.credentials.key_files import KeyFiles  # noqa: PLC0415
    from gateway_ext.credentials.program_keys import ProgramKeys  # noqa: PLC0415

    layout = settings.layout
    if settings.signer_command:
        return ProgramKeys(Path(settings.signer_command), layout.jwks)
    return KeyFiles(layout.issuers, layout.jwks)


def rotate_signing_key(
    settings: Settings, by: Actor, issuer: str, lead_seconds: int, because: str = SIGNING_ROTATED
) -> KeySet:
    """Recorded, then published. Raises ConfigurationError; then nothing has changed."""
    journal, now_unix = AuditJournal(settings, by), SystemClock().now_unix_nano() // NANO
    return signing_keys(settings).rotate(
        issuer,
        now_unix,
        lead_seconds,
        DAYS_MAX * DAY_SECONDS,
        lambda: journal.signing_key_changed(EventName.SIGNING_KEY_ROTATED, issuer, because),
    )


def replace_signing_keys(settings: Settings, by: Actor, issuer: str, because: str = SIGNING_ROTATED) -> KeySet:
    """As one that somebody else may have: all others are withdrawn. As `rotate_signing_key`."""
    journal, now_unix = AuditJournal(settings, by), SystemClock().now_unix_nano() // NANO
    return signing_keys(settings).replace(
        issuer, now_unix, lambda: journal.signing_key_changed(EventName.SIGNING_KEYS_REPLACED, issuer, because)
    )
