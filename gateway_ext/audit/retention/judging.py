"""Which records of a segment are due, given what the segments around it say. Pure.

A decision says of what classes the exchange is, its outcome does not. So a decision is erased together with the other records
of its segment, but not before those in other segments: whenever a crash interrupts it, what is left says how long it is
kept. Where a decision is missing all the same, the longest retention of all counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.erased import Leaf
from gateway_ext.audit.retention.legal_hold import LegalHold, Unit
from gateway_ext.audit.retention.units import Exchange, due_unix_nano, event_of, exchanges_in, is_anchor, unit_of
from gateway_ext.audit.rules import RetentionRules


@dataclass(frozen=True, slots=True)
class Context:
    """Records of another segment. `is_archived`: it is in the archive, where retention may erase."""

    records: Iterable[bytes]
    is_archived: bool


@dataclass(slots=True)
class Judgement:
    """Of a segment's leaves, by their place in it: those to erase now; how many wait for others of their exchange.

    `next_due_unix_nano`: when the next one is; None: none ever, as things are. Held ones are not counted in it.
    """

    erase: list[int] = field(default_factory=list)
    waiting: int = 0
    held: int = 0
    kept: int = 0  # these included
    next_due_unix_nano: int | None = None


def judge(
    segment: Sequence[Leaf],
    context: Iterable[Context],
    rules: RetentionRules,
    holds: Sequence[LegalHold],
    now_unix_nano: int,
) -> Judgement:
    events = [None if leaf.record is None else event_of(leaf.record) for leaf in segment]
    exchanges = _exchanges(events, context, rules)
    units = {name: exchange.unit(name, rules) for name, exchange in exchanges.items()}
    judgement = Judgement()
    for place, (leaf, event) in enumerate(zip(segment, events, strict=True)):
        if leaf.record is None:
            continue
        judgement.kept += 1
        if event is None:  # no record of ours: nobody can say how long it is to be kept
            continue
        unit = units[event.exchange_id] if event.exchange_id else unit_of(event, rules)
        _add(judgement, place, event, unit, exchanges.get(event.exchange_id), holds, now_unix_nano)
    judgement.kept -= len(judgement.erase)
    return judgement


def _add(
    judgement: Judgement,
    place: int,
    event: Event,
    unit: Unit,
    exchange: Exchange | None,
    holds: Sequence[LegalHold],
    now_unix_nano: int,
) -> None:
    if any(hold.covers(unit) for hold in holds):
        judgement.held += 1
        return
    due = due_unix_nano(unit)
    if due is None:
        return
    if due > now_unix_nano:
        judgement.next_due_unix_nano = min(due, judgement.next_due_unix_nano or due)
    elif exchange and (exchange.is_waiting or (exchange.dependent_elsewhere and is_anchor(event))):
        judgement.waiting += 1
        judgement.next_due_unix_nano = min(due, judgement.next_due_unix_nano or due)
    else:
        judgement.erase.append(place)


def _exchanges(
    events: Sequence[Event | None], context: Iterable[Context], rules: RetentionRules
) -> dict[str, Exchange]:
    exchanges = {name: Exchange() for name in exchanges_in(events)}
    for event in events:
        if event is not None and event.exchange_id:
            exchanges[event.exchange_id].add(event, rules)
    for each in context if exchanges else ():
        for record in each.records:
            event = event_of(record)
            if event is None or (exchange := exchanges.get(event.exchange_id)) is None:
                continue
            exchange.add(event, rules)
            exchange.is_waiting |= not each.is_archived
            exchange.dependent_elsewhere |= each.is_archived and not is_anchor(event)
    return exchanges
