"""One row of the index: what all records of an exchange say together, or what one administrative act says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.wire import audit_pb2

_INTEGER_MAX = 2**63 - 1  # of databases; a record's counts may be twice that
_DECISIONS = frozenset(
    {
        EventName.DECISION_FORWARDED,
        EventName.DECISION_ANSWERED,
        EventName.DECISION_REFUSED,
        EventName.SHADOW_FORWARDED,
        EventName.SHADOW_REFUSED,
    }
)


class Field(StrEnum):
    """What records are searched by. Those of MARKS may have several values in an entry, the others one or none."""

    SUBJECT = "subject"  # who asked; of an administrative act: who did it
    TEAM = "team"
    PROJECT = "project"
    APPLICATION = "application"
    MODEL = "model"  # as asked
    SERVED_MODEL = "served_model"  # as its provider names it
    PROVIDER = "provider"  # that answered
    JURISDICTION = "jurisdiction"
    TIER = "tier"
    STATUS = "status"  # of HTTP
    CURRENCY = "currency"
    POLICY = "policy"  # its digest
    SCOPE = "scope"  # of an administrative act
    VALUE = "value"  # of an administrative act: what it was done to
    EXCHANGE = "exchange"  # its id; of a record without an exchange: the record's
    EVENT = "event"
    ACTION = "action"
    REASON = "reason"  # a code of ours or a detail of Envoy's, never an operator's words
    CLASS = "class"  # of findings, in the request or the answer
    FLAG = "flag"  # of the outcome


MARKS = (Field.EVENT, Field.ACTION, Field.REASON, Field.CLASS, Field.FLAG)

_Part = TypeVar("_Part", "Decided", "Ended")


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about a request, or what somebody did."""

    time_unix_nano: int
    event: str
    action: str = ""
    reason: str = ""
    subject: str = ""
    team: str = ""
    project: str = ""
    application: str = ""
    model: str = ""
    policy: str = ""
    scope: str = ""
    value: str = ""
    tiers: tuple[tuple[str, str], ...] = ()  # of the deployments it may go to, by cluster


@dataclass(frozen=True, slots=True)
class Ended:
    """How an exchange ended. `cost_nano` in billionths of the currency's unit."""

    time_unix_nano: int
    event: str
    reason: str = ""
    status: str = ""
    served_model: str = ""
    provider: str = ""
    jurisdiction: str = ""
    cluster: str = ""
    currency: str = ""
    cost_nano: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """`time_unix_nano` is that of the earliest record. Joining is commutative, associative and idempotent."""

    id: str
    time_unix_nano: int
    decided: Decided | None = None
    ended: Ended | None = None
    marks: frozenset[str] = frozenset()  # what `mark` gives for each

    @property
    def event(self) -> str:
        if main := self.decided or self.ended:
            return main.event
        return min(self.marked(Field.EVENT), default="")

    @property
    def tier(self) -> str:
        if self.decided is None or self.ended is None:
            return ""
        return dict(self.decided.tiers).get(self.ended.cluster, "")

    @property
    def cost_nano(self) -> int | None:
        """None: nothing is known of an outcome."""
        return self.ended.cost_nano if self.ended else None

    def marked(self, kind: Field) -> frozenset[str]:
        start = mark(kind, "")
        return frozenset(each.removeprefix(start) for each in self.marks if each.startswith(start))

    def values(self, kind: Field) -> frozenset[str]:
        """What a search for `kind` finds this entry by."""
        if kind in MARKS:
            return self.marked(kind)
        return frozenset({value} if (value := self.value(kind)) else ())

    def value(self, kind: Field) -> str:
        """Of a field that is not of MARKS; "" when there is none."""
        match kind:
            case Field.EXCHANGE:
                return self.id
            case Field.TIER:
                return self.tier
            case _:
                for part in (self.decided, self.ended):
                    if value := getattr(part, kind.value, ""):
                        return str(value)
                return ""

    def joined(self, other: Entry) -> Entry:
        """With what records of the same exchange say. Of two decisions, or two outcomes, the later one counts."""
        return Entry(
            self.id,
            min(self.time_unix_nano, other.time_unix_nano),
            _later(self.decided, other.decided),
            _later(self.ended, other.ended),
            self.marks | other.marks,
        )


def mark(kind: Field, value: str) -> str:
    """How an entry, and the table `mark`, say a value of a field of MARKS."""
    return f"{kind}:{value}"


def entry_id(event: Event) -> str:
    """By which records are joined: the exchange's id, or the record's own."""
    return event.exchange_id or event.id


def is_entry(event: Event) -> bool:
    """Whether a record says anything that is searched for: an erased one does not."""
    return bool(event.name and event.id and event.WhichOneof("body"))


def entry_of(event: Event) -> Entry | None:
    """What one record says by itself. None: nothing that is searched for."""
    if not is_entry(event):
        return None
    body = event.WhichOneof("body")
    decided: Decided | None = None
    ended: Ended | None = None
    marks: Iterable[str] = ()
    match body:
        case "decision":
            decided, marks = _decided(event), _marks_of_decision(event.decision)
        case "outcome":
            ended, marks = _ended(event), _marks_of_outcome(event.outcome)
        case "order":
            order = event.order
            decided = _act(event, subject=order.actor, scope=order.scope, value=order.value)
        case "consent":
            consent = event.consent
            decided = _act(event, subject=consent.actor, scope=consent.party_kind, value=consent.party)
        case "alert":
            alert = event.alert
            decided = _act(event, scope=alert.scope, value=alert.value, model=alert.model)
    return Entry(
        entry_id(event), event.time_unix_nano, decided, ended, frozenset((mark(Field.EVENT, event.name), *marks))
    )


def entries_of(events: Iterable[Event]) -> Mapping[str, Entry]:
    """By id, with all of these records joined."""
    entries: dict[str, Entry] = {}
    for event in events:
        if made := entry_of(event):
            known = entries.get(made.id)
            entries[made.id] = known.joined(made) if known else made
    return entries


def _decided(event: Event) -> Decided | None:
    """None of records about answers and scores: they repeat what the decision about the request says."""
    if event.name not in _DECISIONS:
        return None
    decision = event.decision
    caller = decision.principal
    return Decided(
        event.time_unix_nano,
        event.name,
        decision.action,
        decision.reason,
        _storable(caller.subject),
        _storable(caller.team),
        _storable(caller.project),
        _storable(caller.application),
        decision.model,
        decision.policy_digest,
        tiers=tuple(sorted({(each.cluster, each.tier) for each in decision.candidates})),
    )


def _marks_of_decision(decision: audit_pb2.Decision) -> Iterator[str]:
    if decision.action:
        yield mark(Field.ACTION, decision.action)
    if decision.reason:
        yield mark(Field.REASON, decision.reason)
    yield from (mark(Field.CLASS, finding.data_class) for finding in decision.findings if finding.data_class)


def _ended(event: Event) -> Ended:
    outcome = event.outcome
    return Ended(
        event.time_unix_nano,
        event.name,
        outcome.reason,
        str(outcome.http_status or ""),
        outcome.model,
        outcome.provider,
        outcome.jurisdiction,
        outcome.cluster,
        outcome.currency,
        outcome.cost_nano,
        min(outcome.input_tokens, _INTEGER_MAX),
        min(outcome.output_tokens, _INTEGER_MAX),
    )


def _marks_of_outcome(outcome: audit_pb2.Outcome) -> Iterator[str]:
    if outcome.reason:
        yield mark(Field.REASON, outcome.reason)
    yield from (mark(Field.FLAG, flag) for flag in outcome.flags if flag)


def _act(event: Event, **said: str) -> Decided:
    texts: dict[str, Any] = {name: _storable(text) for name, text in said.items()}
    return Decided(event.time_unix_nano, event.name, **texts)


def _storable(text: str) -> str:
    """PostgreSQL stores no NUL, which a claim may hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _later(one: _Part | None, other: _Part | None) -> _Part | None:
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda part: (part.time_unix_nano, repr(part)))
