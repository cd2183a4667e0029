"""What stands behind a credential's life in a state directory: key files, the store, operators' orders, the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.cli.acting_user import acting_user
from gateway_ext.cli.operator_audit import record_durably
from gateway_ext.cli.orders import enforce
from gateway_ext.clock import SystemClock
from gateway_ext.credentials.credential import ISSUERS, Credential
from gateway_ext.credentials.life_cycle import LifeCycle
from gateway_ext.credentials.signing import Signer
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.exchange import CredentialClass
from gateway_ext.limits import NANO
from gateway_ext.settings import Settings, StateLayout
from gateway_ext.standing.directives import Directive, Measure, Scope, Target

if TYPE_CHECKING:
    from gateway_ext.credentials.key_files import KeyFiles

REVOKED, OVERLAP_ENDED = "revoked with gateway-ext keys", "the overlap with its successor has ended"


@dataclass(frozen=True, slots=True)
class OrderedRevoker:
    """Revokes by an operator's order, which is recorded and which every processor follows."""

    settings: Settings
    reason: str

    def revoke(self, credential_id: str, expires_unix: int) -> None:
        target = Target(Measure.REVOKED, Scope.CREDENTIAL, credential_id)
        now_unix_nano = SystemClock().now_unix_nano()
        enforce(self.settings, Directive(target, acting_user(), self.reason, now_unix_nano, expires_unix * NANO))


@dataclass(frozen=True, slots=True)
class AuditJournal:
    """Notes in the audit trail."""

    settings: Settings

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
        user = acting_user()
        record_durably(self.settings, OrderRecord(name, scope, value, issuer, user, user, reason, expires_unix_nano))


def life_cycle(settings: Settings, revoked_because: str = REVOKED) -> LifeCycle:
    """The one of a state directory. Makes nothing there yet."""
    clock = SystemClock()

    def signer(credential_class: CredentialClass) -> Signer:
        keys = key_files(settings.layout)
        name, now_unix = ISSUERS[credential_class].name, clock.now_unix_nano() // NANO
        keys.ensure(name, now_unix)
        return keys.signer(name, now_unix)

    return LifeCycle(
        store=SqliteCredentials(settings.layout.credentials),
        revoker=OrderedRevoker(settings, revoked_because),
        journal=AuditJournal(settings),
        signer=signer,
        clock=clock,
    )


def key_files(layout: StateLayout) -> KeyFiles:
    """Signing keys and published keys of a state directory."""
    # Late, because it comes with the extra `credentials`, which the control process does without: it only revokes.
    from gateway_ext.credentials.key_files import KeyFiles  # noqa: PLC0415

    return KeyFiles(layout.issuers, layout.jwks)
