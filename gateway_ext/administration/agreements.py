"""How agreements are accepted and withdrawn: recorded first, then in force. Shared by commands and the console."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.recording import record_durably
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import ConsentRecord
from gateway_ext.clock import SystemClock
from gateway_ext.consent.acceptance import Acceptance, Key, State, state_of
from gateway_ext.consent.rules import Agreement, ConsentRules, Party
from gateway_ext.consent.sqlite_store import ALL, AgreementsStore, Wanted
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import Principal
from gateway_ext.settings import Settings

PAGE_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """An agreement of policy, and where somebody stands with it. `party` is None when it is their team's, of whom none
    is known; `acceptance` is what the party has said last."""

    agreement: Agreement
    party: Party | None
    state: State
    acceptance: Acceptance | None


def accept(
    settings: Settings, rules: ConsentRules, agreement: str, version: str, party: Party, by: Actor, shown: str = ""
) -> Acceptance:
    """Have it recorded, then in force. `shown`: the text that the actor saw; its digest is kept. Saying so twice changes
    nothing.

    Raises ConfigurationError when policy does not ask for `agreement` of such a party, or for another `version`, and
    when it cannot be recorded or kept; then nothing has changed.
    """
    asked = rules.find(agreement)
    if version != asked.version:
        raise ConfigurationError(f"'{agreement}' is in force in version {asked.version}, not {version}; read that one")
    if party.kind is not asked.accepted_by:
        raise ConfigurationError(f"'{agreement}' is accepted by a {asked.accepted_by}, not by a {party.kind}")
    digest = hashlib.sha256(shown.encode()).hexdigest() if shown else ""
    acceptance = Acceptance(
        party, agreement, version, False, _now(), by.name, actor_issuer=by.issuer, shown_sha256=digest
    )
    before = _store(settings).find(party, agreement)
    if before is not None and _says_the_same(before, acceptance):
        return before
    _recorded(settings, EventName.AGREEMENT_ACCEPTED, acceptance, by)
    return acceptance


def withdraw(settings: Settings, agreement: str, party: Party, by: Actor, reason: str = "") -> Acceptance | None:
    """Have it recorded, then in force; also of an agreement or version that policy asks for no longer.

    None when `party` had not accepted it, or withdrawn before. Raises ConfigurationError; then nothing has changed.
    """
    before = _store(settings).find(party, agreement)
    if before is None or before.is_withdrawn:
        return None
    withdrawn = Acceptance(party, agreement, before.version, True, _now(), by.name, by.issuer, reason)
    _recorded(settings, EventName.AGREEMENT_WITHDRAWN, withdrawn, by)
    return withdrawn


def wanted(settings: Settings, rules: ConsentRules, principal: Principal) -> list[Asked]:
    """What policy asks, or may ask with another credential, of the caller behind `principal`, in policy's order.

    Conditions that go by a credential (its class, application, purpose, environment) do not narrow the list: who logs in
    to accept comes with none of their keys. Raises ConfigurationError.
    """
    concerning = [each for each in rules.agreements if each.may_concern(principal)]
    return [_asked(settings, agreement, agreement.party(principal)) for agreement in concerning]


def acceptances(
    settings: Settings, which: Wanted = ALL, after: Key | None = None, limit: int = 100
) -> list[Acceptance]:
    """Up to `limit` (1 to PAGE_MAX) of them, beyond `after`: `key_of` the last one seen. Raises ConfigurationError."""
    return _store(settings).page(which, after, min(max(limit, 1), PAGE_MAX))


def begin_store(settings: Settings, by: Actor, reason: str) -> bool:
    """Begin the store of acceptances, or take the one that is there for the right one. Whether it is new.

    Raises ConfigurationError.
    """
    record = ConsentRecord(EventName.CONSENT_MADE, "", "", "", "", by.name, by.user, reason, by.issuer)
    record_durably(settings, record)
    return _store(settings).make(SystemClock().new_id())


def _asked(settings: Settings, agreement: Agreement, party: Party | None) -> Asked:
    found = _store(settings).find(party, agreement.name) if party is not None else None
    return Asked(agreement, party, state_of(agreement, found), found)


def _says_the_same(before: Acceptance, after: Acceptance) -> bool:
    said = (before.is_withdrawn, before.version, before.actor, before.actor_issuer, before.shown_sha256)
    return said == (after.is_withdrawn, after.version, after.actor, after.actor_issuer, after.shown_sha256)


def _recorded(settings: Settings, name: EventName, acceptance: Acceptance, by: Actor) -> None:
    record_durably(settings, _record(name, acceptance, by))
    try:
        _store(settings).put(acceptance)
    except ConfigurationError:
        # The trail already says that it was done: it must say, too, that it did not come to be.
        record_durably(settings, _record(EventName.CONSENT_FAILED, acceptance, by))
        raise


def _record(name: EventName, acceptance: Acceptance, by: Actor) -> ConsentRecord:
    return ConsentRecord(
        name=name,
        agreement=acceptance.agreement,
        version=acceptance.version,
        party_kind=acceptance.party.kind,
        party=acceptance.party.name,
        actor=by.name,
        user=by.user,
        reason=acceptance.reason,
        actor_issuer=by.issuer,
        shown_sha256=acceptance.shown_sha256,
    )


def _store(settings: Settings) -> AgreementsStore:
    return AgreementsStore(settings.layout.agreements)


def _now() -> int:
    return SystemClock().now_unix_nano()
