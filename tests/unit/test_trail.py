"""What an outcome's record says when the books know more than the report that led to it."""

from __future__ import annotations

from gateway_ext import trail
from gateway_ext.audit.events import EventName
from gateway_ext.budget.rules import Settled
from gateway_ext.exchange import Outcome, Usage
from tests.envoy.snapshots import provider, snapshot_of

SNAPSHOT = snapshot_of(provider("eu"), provider("us"))
REPORT = Outcome("e", "e", 200, "us/assistant", Usage(9, 9), 1, 1, 1, 1, 1, True, "access_log", ("client_aborted",))


def test_what_the_books_hold_wins_over_the_report() -> None:
    books = Settled("e", "posted", Usage(3, 2), 70, "EUR", "response", False, "eu/assistant", ("half_stream",))
    record = trail.concluded(REPORT, books, SNAPSHOT)
    assert record.name is EventName.OUTCOME_SETTLED
    assert (record.usage, record.cost_nano) == (Usage(3, 2), 70)
    assert (record.outcome.settled_by, record.outcome.flags) == ("response", ("client_aborted", "half_stream"))
    assert record.served_by is not None
    assert record.served_by.provider == "eu"


def test_without_a_hold_the_report_stands_as_it_is() -> None:
    record = trail.concluded(REPORT, None, SNAPSHOT)
    assert (record.name, record.outcome, record.cost_nano) == (EventName.OUTCOME_UNPRICED, REPORT, 0)
