"""Audit records that name people by pseudonyms: the same record, with nobody's name in it.

What stays is what a record is for: team, project, application, cost centre, groups, credential class, issuer. What tells who
it was (subject, mail address, id of the credential) is sealed under the person's key. Services are nobody, and keep their name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import (
    AlertRecord,
    AuditRecord,
    ConsentRecord,
    DecisionRecord,
    OrderRecord,
    VeiledDecision,
)
from gateway_ext.budget.renaming import renamed_budget, renamed_value
from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import Scope
from gateway_ext.exchange import Principal
from gateway_ext.ports import AuditLog
from gateway_ext.subjects.subject import Subject

PERSON = "person"  # scope of an order about somebody, kind of a party, kind of a principal
SUBJECT = "subject"  # scope of an order whose value is a pseudonym already
_OF_FILES = frozenset({EventName.POLICY_ACTIVATED, EventName.POLICY_REFUSED, EventName.PROVIDER_KEY_CHANGED})


class Names(Protocol):
    def of(self, name: str) -> Subject:
        """Whoever has this name. Raises AuditUnavailable, or ConfigurationError in a command, when nobody can tell."""
        ...


class People(Names, Protocol):
    def sealed(self, subject: Subject, email: str, credential_id: str) -> bytes: ...


class VeiledLog:
    """An AuditLog that writes to another one, by pseudonyms while `is_veiled` says so."""

    def __init__(self, audit: AuditLog, people: People, is_veiled: Callable[[], bool]) -> None:
        self._audit = audit
        self._people = people
        self._is_veiled = is_veiled

    def append(self, record: AuditRecord) -> None:
        """As AuditLog. Raises AuditUnavailable also when somebody cannot be named by a pseudonym."""
        self._audit.append(veiled(record, self._people) if self._is_veiled() else record)

    async def durable(self) -> None:
        """As AuditLog. Subjects are on the disk before they are in a record."""
        await self._audit.durable()


def veiled(record: AuditRecord, people: People) -> AuditRecord:
    """`record` with pseudonyms. Raises what `people` raises."""
    match record:
        case DecisionRecord(principal=Principal(kind="person") as caller):
            subject = people.of(caller.subject)
            sealed = people.sealed(subject, caller.email, caller.credential_id)
            return VeiledDecision(record, subject.pseudonym, sealed)
    return veiled_act(record, people)


def veiled_act(record: AuditRecord, people: Names) -> AuditRecord:
    """The same for all records but those of requests, of which nothing is sealed."""
    match record:
        case OrderRecord():
            actor, user = _actor(record, people), _named(record.user, people)
            return replace(record, value=_value(record, people), actor=actor, user=user)
        case ConsentRecord():
            party = _named(record.party, people) if record.party_kind == PERSON else record.party
            return replace(record, party=party, actor=_named(record.actor, people), user=_named(record.user, people))
        case AlertRecord(scope=Scope.USER | Scope.AGENT_RUN):
            subject = people.of(_user(record.scope, record.value))
            value = renamed_value(record.scope, record.value, subject.name, subject.pseudonym)
            return replace(record, value=value, id=subject.keyed(record.id))  # an id follows from the name
    return record


def _named(name: str, people: Names) -> str:
    return people.of(name).pseudonym if name else ""


def _actor(order: OrderRecord, people: Names) -> str:
    if order.name in _OF_FILES:  # the owners of files: several, or nobody
        return ", ".join(_named(each, people) for each in order.actor.split(", "))
    return _named(order.actor, people)


def _value(order: OrderRecord, people: Names) -> str:
    match order.scope:
        case "person":
            return _named(order.value, people)
        case "budget":
            key = AccountKey.parse(order.value.replace("/", "//", 1))
            if key.scope in (Scope.USER, Scope.AGENT_RUN):
                subject = people.of(_user(key.scope, key.value))
                return renamed_budget(order.value, subject.name, subject.pseudonym)
    return order.value


def _user(scope: str, value: str) -> str:
    """Ids of runs have no slash."""
    return value.rpartition("/")[0] if scope == Scope.AGENT_RUN else value
