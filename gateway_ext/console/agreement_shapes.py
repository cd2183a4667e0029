"""Agreements and acceptances as the API shows them."""

from __future__ import annotations

from datetime import datetime

from gateway_ext.administration.agreements import Asked
from gateway_ext.consent.acceptance import Acceptance, State
from gateway_ext.consent.rules import PartyKind
from gateway_ext.console.fields import Body, Line, Shown, moment, time_of
from gateway_ext.limits import NANO


class Version(Body):
    """The one in force, which was read."""

    version: Line


class AgreementShown(Shown):
    """`accepted_by`: each person for themselves, or somebody once for `party`, their team."""

    name: str
    version: str
    title: str
    url: str
    accepted_by: PartyKind
    party: str | None
    state: State
    since: datetime | None


class AgreementsShown(Shown):
    items: list[AgreementShown]


class AcceptanceShown(Shown):
    agreement: str
    version: str
    kind: PartyKind
    party: str
    withdrawn: bool
    since: datetime
    actor: str
    actor_issuer: str
    reason: str


class AcceptancePage(Shown):
    items: list[AcceptanceShown]
    next: str | None


def agreement_shown(asked: Asked) -> AgreementShown:
    agreement, acceptance = asked.agreement, asked.acceptance
    return AgreementShown(
        name=agreement.name,
        version=agreement.version,
        title=agreement.title,
        url=agreement.url,
        accepted_by=agreement.accepted_by,
        party=None if asked.party is None else asked.party.name,
        state=asked.state,
        since=None if acceptance is None else time_of(acceptance.since_unix_nano / NANO),
    )


def acceptance_shown(acceptance: Acceptance) -> AcceptanceShown:
    return AcceptanceShown(
        agreement=acceptance.agreement,
        version=acceptance.version,
        kind=acceptance.party.kind,
        party=acceptance.party.name,
        withdrawn=acceptance.is_withdrawn,
        since=moment(acceptance.since_unix_nano / NANO),
        actor=acceptance.actor,
        actor_issuer=acceptance.actor_issuer,
        reason=acceptance.reason,
    )
