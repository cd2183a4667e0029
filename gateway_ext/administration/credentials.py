"""What stands behind a credential's life in a state directory: key files, the store, operators' orders, the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_ext.administration import orders
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.recording import record_durably
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.clock import SystemClock
from gateway_ext.credentials.credential import ISSUERS, Credential
from gateway_ext.credentials.life_cycle import LifeCycle
from gateway_ext.credentials.signing import Signer
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.exchange import CredentialClass
from gateway_ext.limits import NANO
from gateway_ext.settings import Settings, StateLayout
from gateway_ext.standing.directives import Measure, Scope, Target

if TYPE_CHECKING:
    from gateway_ext.credentials.key_files import KeyFiles

OVERLAP_ENDED = "the overlap with its successor has ended"


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
        self._note(
            EventName.CREDENTIAL_MINTED,
            "credential",
            credential.id,
            ISSUERS[credential.credential_class].name,
            f"for {credential.owner.subject}: {origin}",
            credential.expires_unix * NANO,
        )

    def signing_key_changed(self, name: EventName, issuer: str) -> None:
        """Durably, before it is. Raises ConfigurationError: it is then not changed."""
        self._note(name, "issuer", issuer, issuer, "gateway-ext keys signing rotate")

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
        keys = key_files(settings.layout)
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


def key_files(layout: StateLayout) -> KeyFiles:
    """Signing keys and published keys of a state directory."""
    # Late, because it comes with the extra `credentials`, which the control process does without: it only revokes.
    from gateway_ext.credentials.key_files import KeyFiles  # noqa: PLC0415

    return KeyFiles(layout.issuers, layout.jwks)
