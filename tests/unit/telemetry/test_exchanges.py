"""Exchanges are joined from their records, in whatever order these are read, and each ends once."""

from __future__ import annotations

from dataclasses import replace

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.limits import NANO
from gateway_ext.telemetry.exchanges import Exchange, Exchanges
from tests.unit.telemetry.trail_records import ENDED, FORWARDED, INSPECTED, REFUSED, SETTLED, event, outcome

TTL_SECONDS = 60
DECIDED, TOLD = event(FORWARDED), event(SETTLED)


def exchanges(open_max: int = 100) -> Exchanges:
    return Exchanges(lambda: TTL_SECONDS, open_max)


def taken(under_way: Exchanges, *events: Event, now_ns: int = 0) -> list[Exchange]:
    return [found for each in events for found in under_way.take(each, now_ns)]


def numbered(number: int) -> Event:
    return event(replace(FORWARDED, exchange_id=f"{number:032x}"))


def test_a_decision_and_its_outcome_are_one_exchange() -> None:
    under_way = exchanges()
    assert taken(under_way, DECIDED) == []
    assert len(under_way) == 1
    assert taken(under_way, TOLD) == [Exchange(DECIDED, TOLD)]
    assert len(under_way) == 0


def test_an_outcome_that_is_read_first_waits_for_its_decision() -> None:
    under_way = exchanges()
    assert taken(under_way, TOLD) == []
    assert taken(under_way, DECIDED, now_ns=4 * NANO) == [Exchange(DECIDED, TOLD)]
    assert list(under_way.expire(10 * NANO)) == []


def test_an_outcome_without_a_decision_is_told_alone() -> None:
    under_way = exchanges()
    taken(under_way, TOLD)
    assert list(under_way.expire(5 * NANO)) == [Exchange(None, TOLD)]


def test_what_was_made_of_the_answer_belongs_to_it() -> None:
    inspected = event(INSPECTED)
    assert taken(exchanges(), DECIDED, inspected, TOLD) == [Exchange(DECIDED, TOLD, inspected)]


def test_what_we_answer_ourselves_ends_with_its_decision() -> None:
    refused = event(REFUSED)
    unpriced = event(outcome(hold_id="", http_status=429))
    under_way = exchanges()
    assert taken(under_way, refused, unpriced) == [Exchange(refused)]
    assert not Exchange(refused).is_missing_outcome
    assert list(under_way.expire(100 * NANO)) == []


def test_a_request_that_is_refused_after_all_is_one_exchange() -> None:
    refused = event(replace(REFUSED, reason="interrupted", refused_at="forward"))
    under_way = exchanges()
    assert taken(under_way, DECIDED, refused) == [Exchange(refused)]
    assert len(under_way) == 0


def test_an_exchange_whose_outcome_does_not_come_ends_marked() -> None:
    under_way = exchanges()
    taken(under_way, DECIDED)
    assert list(under_way.expire((TTL_SECONDS - 1) * NANO)) == []
    (ended,) = under_way.expire(TTL_SECONDS * NANO)
    assert (ended.decision, ended.outcome, ended.is_missing_outcome) == (DECIDED, None, True)


def test_a_correction_ends_nothing_again() -> None:
    corrected = event(replace(SETTLED, outcome=replace(ENDED, flags=("corrected",))))
    under_way = exchanges()
    assert taken(under_way, DECIDED, TOLD, corrected) == [Exchange(DECIDED, TOLD)]
    assert list(under_way.expire(100 * NANO)) == []


def test_of_too_many_the_oldest_end() -> None:
    under_way = exchanges(open_max=3)
    ended = taken(under_way, *(numbered(number) for number in range(5)))
    assert [each.decision and each.decision.exchange_id for each in ended] == [f"{number:032x}" for number in (0, 1)]
    early = exchanges(open_max=1)
    assert taken(early, TOLD, event(outcome(exchange_id="other"))) == [Exchange(None, TOLD)]


def test_other_records_are_none_of_its_business() -> None:
    envoy_refused = event(replace(SETTLED, name=EventName.ENVOY_REFUSED, outcome=replace(ENDED, exchange_id="")))
    under_way = exchanges()
    assert taken(under_way, envoy_refused) == []
    assert list(under_way.expire(100 * NANO)) == []
