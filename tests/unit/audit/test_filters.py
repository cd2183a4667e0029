from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.entry import Field, entries_of
from tests.unit.audit.index.recorded import ORDER, decision, event, outcome

ANNA = {Field.SUBJECT: frozenset({"anna"})}
DECISION, OUTCOME = event(decision("e1", classes=["secret"]), 10), event(outcome("e1", cost_nano=5), 11)


def test_an_exchange_is_judged_by_all_its_records() -> None:
    [whole] = entries_of([DECISION, OUTCOME]).values()
    assert Filter(ANNA, cost_nano_min=5, cost_nano_max=5).admits(whole)
    assert not Filter(ANNA, cost_nano_min=6).admits(whole)
    assert not Filter(ANNA, cost_nano_max=4).admits(whole)


def test_a_record_by_itself() -> None:
    assert Filter().matches(DECISION)
    assert Filter(ANNA).matches(DECISION)
    assert not Filter(ANNA).matches(OUTCOME)
    assert not Filter(ANNA, cost_nano_min=5).matches(DECISION)
    assert Filter(cost_nano_min=5).matches(OUTCOME)
    assert Filter({Field.EXCHANGE: frozenset({"e1"})}).matches(OUTCOME)
    assert Filter({Field.EVENT: frozenset({"standing:stop:set", "another"})}).matches(event(ORDER, 1))


def test_times_begin_with_since_and_end_before_until() -> None:
    assert Filter(since_unix_nano=10, until_unix_nano=11).matches(DECISION)
    assert not Filter(since_unix_nano=11).matches(DECISION)
    assert not Filter(until_unix_nano=10).matches(DECISION)


def test_the_question_in_words() -> None:
    assert Filter().asks() == "everything"
    wanted = Filter(
        {Field.TEAM: frozenset({"risk", "law"}), Field.CLASS: frozenset({"secret"})}, 10**18, 2 * 10**18, 5, 7
    )
    assert wanted.asks() == (
        "class=secret team=law|risk since=2001-09-09T01:46:40+00:00 until=2033-05-18T03:33:20+00:00"
        " cost_nano_min=5 cost_nano_max=7"
    )
