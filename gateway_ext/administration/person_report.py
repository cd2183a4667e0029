"""All that the gateway holds on a person (GDPR, Article 15), part by part, as a stream of entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Protocol

from gateway_ext.administration import agreements, orders, subjects
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.acts import record_act
from gateway_ext.administration.person_records import Person, about, entry
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.audit.events import EventName
from gateway_ext.budget.person import PersonInLedger
from gateway_ext.consent.rules import PartyKind
from gateway_ext.consent.sqlite_store import Wanted
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.settings import Settings
from gateway_ext.standing.directives import Directive, Scope
from gateway_ext.veiled import SUBJECT

NOT_BY_NAME = (
    "Conversations, fingerprints of findings and answers that were redacted are kept under keyed hashes: nobody can look them"
    " up by a name. They hold no text; conversations are forgotten after `kept_days` (routing.yaml)."
)

Entry = tuple[str, Mapping[str, Any]]
"""The part it belongs to, and what is held."""


class PersonInConsole(Protocol):
    """Raises ConfigurationError."""

    def sessions(self, name: str) -> list[Mapping[str, Any]]: ...
    def forget(self, name: str) -> int: ...


def report(
    settings: Settings, name: str, by: Actor, reason: str, ledger: PersonInLedger, console: PersonInConsole
) -> Iterator[Entry]:
    """Recorded before anything is told. Raises ConfigurationError, LedgerUnavailable; OSError when the trail cannot be read."""
    subjects.require_reason(reason, name)
    person = person_called(settings, name)
    called = name if person.subject is None else person.subject.pseudonym
    record_act(settings, EventName.SUBJECT_REPORTED, SUBJECT, called, reason, by)
    yield from _held(settings, person, ledger, console)


def person_called(settings: Settings, name: str) -> Person:
    """Raises ConfigurationError."""
    owned = [each.id for each in SqliteCredentials(settings.layout.credentials).all() if each.owner.subject == name]
    return Person(name, subjects.known(settings, name), owned)


def orders_about(settings: Settings, name: str) -> list[Directive]:
    """Orders in force that name the person, or that they gave. Raises ConfigurationError."""
    if not settings.layout.standing.exists():
        return []
    return [each for each in orders.in_force(settings) if _is_about(each, name) or each.actor == name]


def _is_about(order: Directive, name: str) -> bool:
    return order.target.scope is Scope.PERSON and order.target.value == name


def _held(settings: Settings, person: Person, ledger: PersonInLedger, console: PersonInConsole) -> Iterator[Entry]:
    name, layout = person.name, settings.layout
    yield "person", {"subject": name, "pseudonym": person.subject.pseudonym if person.subject else None}
    for credential in SqliteCredentials(layout.credentials).all():
        if credential.owner.subject == name:
            yield "credential", asdict(credential)
    for acceptance in _acceptances(settings, name):
        yield "agreement", acceptance
    for order in orders_about(settings, name):
        yield "order", asdict(order)
    for session in console.sessions(name):
        yield "session", session
    for alert in SqliteAlerts(layout.alerts).of_person(name) if layout.alerts.exists() else ():
        yield "alert", asdict(alert)
    for account in ledger.accounts(name):
        yield "account", account
    for hold in ledger.holds(name):
        yield "hold", hold
    for event in about(settings, person):
        yield "record", entry(event, person)
    yield "note", {"text": NOT_BY_NAME}


def _acceptances(settings: Settings, name: str) -> Iterator[Mapping[str, Any]]:
    if settings.layout.agreements.exists():
        for each in agreements.acceptances(
            settings, Wanted(kind=PartyKind.PERSON, name=name), None, agreements.PAGE_MAX
        ):
            yield asdict(each)
