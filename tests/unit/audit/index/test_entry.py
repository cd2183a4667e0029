from itertools import permutations

from gateway_ext.audit.events import EventName
from gateway_ext.audit.index.entry import Entry, Field, entries_of, entry_of
from gateway_ext.audit.index.rows import entry, row
from gateway_ext.audit.records import AlertRecord, ConsentRecord
from tests.unit.audit.index.recorded import ORDER, US, decision, event, outcome

RECORDS = [
    event(decision("e1", classes=["personal"]), 10),
    event(decision("e1", name=EventName.ANSWER_INSPECTED, action="redact", classes=["secret"]), 12),
    event(outcome("e1", flags=("usage_estimated",)), 13),
    event(outcome("e1", served_by=US, cost_nano=9, name=EventName.OUTCOME_RECOVERED), 20),
]


def joined(events: object) -> Entry:
    [made] = entries_of(events).values()  # type: ignore[arg-type]
    return made


def test_the_order_in_which_records_come_does_not_matter_nor_that_one_comes_again() -> None:
    expected = joined(RECORDS)
    assert expected.time_unix_nano == 10
    assert expected.value(Field.PROVIDER) == "us"  # the later outcome counts
    assert expected.tier == "open"
    assert expected.cost_nano == 9
    assert expected.marked(Field.CLASS) == {"personal", "secret"}
    assert expected.marked(Field.ACTION) == {"forward", "redact"}
    for order in permutations(RECORDS):
        assert joined([*order, order[0]]) == expected


def test_rows_hold_all_of_it() -> None:
    for made in (
        joined(RECORDS),
        joined(RECORDS[:1]),
        joined(RECORDS[1:2]),
        joined(RECORDS[2:3]),
        joined([event(ORDER, 1)]),
    ):
        assert entry(row(7, made)) == (7, made)


def test_administrative_acts_have_no_words_of_operators() -> None:
    made = joined([event(ORDER, 1)])
    assert made.id == "r-1"
    assert (made.value(Field.SUBJECT), made.value(Field.SCOPE), made.value(Field.VALUE)) == ("olga", "model", "large")
    assert "words" not in repr(made)


def test_consents_and_alerts() -> None:
    consent = ConsentRecord(EventName.AGREEMENT_ACCEPTED, "terms", "1", "team", "risk", "anna", "root", "words")
    made = joined([event(consent, 1)])
    assert (made.value(Field.SUBJECT), made.value(Field.SCOPE), made.value(Field.VALUE)) == ("anna", "team", "risk")
    alert = AlertRecord(
        EventName.THRESHOLD_REACHED,
        "a",
        "threshold",
        "b",
        "team",
        "risk",
        "large",
        "2026-11",
        "EUR",
        80,
        10,
        8,
        0,
        True,
    )
    made = joined([event(alert, 1)])
    assert (made.value(Field.SCOPE), made.value(Field.VALUE), made.value(Field.MODEL)) == ("team", "risk", "large")


def test_what_holds_no_record_is_no_entry() -> None:
    empty = event(ORDER, 1)
    empty.ClearField("order")
    assert entry_of(empty) is None


def test_what_databases_cannot_store() -> None:
    order = event(ORDER, 1)
    order.order.value = "a\0b"
    assert joined([order]).value(Field.VALUE) == "a\N{REPLACEMENT CHARACTER}b"
    ended = event(outcome("e1"), 1)
    ended.outcome.input_tokens = 2**64 - 1
    made = joined([ended])
    assert made.ended is not None
    assert made.ended.input_tokens == 2**63 - 1
