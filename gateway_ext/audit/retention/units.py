"""How long records are kept, from what they say: an exchange by its classes, everything else by its group. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway_ext.audit.encoding import Event, decode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.retention.legal_hold import Unit
from gateway_ext.audit.rules import EventGroup, RetentionRules

# Decisions that say nothing of the caller: what they belong to is decided by another record of the exchange.
_DEPENDENT = frozenset({EventName.ANSWER_INSPECTED, EventName.CONTENT_SCORED})
_DAY_NANO = 86_400 * 1_000_000_000


def due_unix_nano(unit: Unit) -> int | None:
    """When its time is over; None: never."""
    return None if unit.days is None else unit.latest_unix_nano + unit.days * _DAY_NANO


def first_due_unix_nano(begins_unix_nano: int, rules: RetentionRules) -> int:
    """Before this no record written from `begins_unix_nano` on is due, whatever it says."""
    return begins_unix_nano + rules.shortest_days * _DAY_NANO


def is_anchor(event: Event) -> bool:
    """Whether it says whose exchange it is and of what classes: that of others of the exchange depends on it."""
    return event.WhichOneof("body") == "decision" and event.name not in _DEPENDENT


def event_of(record: bytes) -> Event | None:
    try:
        return decode_event(record)
    except ValueError:
        return None


@dataclass(slots=True)
class Exchange:
    """What the records of one exchange say together. `is_waiting`: one of them is not in the archive yet.

    `dependent_elsewhere`: a record that is no anchor is in another segment.
    """

    times: list[int] = field(default_factory=list)
    days: int = 0
    subjects: set[str] = field(default_factory=set)
    teams: set[str] = field(default_factory=set)
    has_anchor: bool = False
    is_waiting: bool = False
    dependent_elsewhere: bool = False

    def add(self, event: Event, rules: RetentionRules) -> None:
        self.times.append(event.time_unix_nano)
        if event.WhichOneof("body") == "decision":
            decision = event.decision
            self.days = max(self.days, rules.of_classes(decision.data_classes))
            self.subjects |= {decision.principal.subject, decision.principal.front_end}
            self.teams.add(decision.principal.team)
            self.has_anchor |= is_anchor(event)

    def unit(self, exchange_id: str, rules: RetentionRules) -> Unit:
        days = self.days if self.has_anchor else rules.of_unknown()
        return Unit(
            exchange_id, min(self.times), max(self.times), days, self.subjects, self.teams, is_known=self.has_anchor
        )


def unit_of(event: Event, rules: RetentionRules) -> Unit:
    """Of a record that belongs to no exchange."""
    time = event.time_unix_nano
    subjects, teams = _named_in(event)
    return Unit("", time, time, _days_of(event, rules), subjects, teams, is_known=True)


def _days_of(event: Event, rules: RetentionRules) -> int | None:
    if event.name == EventName.AUDIT_RECORDS_ERASED:  # says what is missing, for as long as it is missing
        return None
    match event.WhichOneof("body"):
        case "decision" | "outcome":
            return rules.of_group(EventGroup.REFUSALS)
        case "alert":
            return rules.of_group(EventGroup.ALERTS)
        case _:
            return rules.of_group(EventGroup.ADMINISTRATION)


def _named_in(event: Event) -> tuple[frozenset[str], frozenset[str]]:
    """Subjects and teams. An order's value may be the name of either."""
    match event.WhichOneof("body"):
        case "order":
            return _names(event.order.actor, event.order.value), _names(event.order.value)
        case "consent":
            return _names(event.consent.actor, event.consent.party), _names(event.consent.party)
        case "alert":
            return _names(event.alert.value), _names(event.alert.value)
        case _:
            return frozenset(), frozenset()


def _names(*names: str) -> frozenset[str]:
    return frozenset(names) - {""}


def exchanges_in(events: Iterable[Event | None]) -> set[str]:
    return {event.exchange_id for event in events if event is not None and event.exchange_id}
