from __future__ import annotations

import pytest

from gateway_ext.budget.postgres.reachability import Reachability

AWAY = "ledger: PostgreSQL does not answer (ConnectionRefusedError); requests are refused"
BACK = "ledger: PostgreSQL answers again"


def test_an_outage_is_told_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    server = Reachability()
    server.answered(0)
    for second in range(3):
        server.failed(ConnectionRefusedError("10.0.0.1"), second)
    for second in range(4, 7):
        server.answered(second)
    assert caplog.messages == [AWAY, BACK]
    server.failed(TimeoutError(), 8)
    assert len(caplog.messages) == 3


def test_a_server_that_answers_some_is_not_told_to_be_back(caplog: pytest.LogCaptureFixture) -> None:
    server = Reachability()
    for step in range(50):
        server.failed(ConnectionRefusedError(), step / 10)
        server.answered(step / 10 + 0.05)
    assert caplog.messages == [AWAY]
    server.answered(6.8)
    assert caplog.messages == [AWAY]
    server.answered(6.9)
    assert caplog.messages == [AWAY, BACK]
