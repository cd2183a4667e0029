"""What the sweeper does beside closing what nobody closed: quotas that are full again are forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.audit.events import EventName
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.clock import SystemClock
from gateway_ext.limits import NANO
from gateway_ext.policy.loader import load_policy
from gateway_ext.quota import Unit
from gateway_ext.sweeper import PRUNE_SECONDS, Sweeper
from tests.unit.budget.reservations import NOW, TTL, FixedClock, reservation
from tests.unit.pipeline_world import POLICIES, AuditList, Policy

REQUESTS = QuotaLine("requests", "requests", Unit.REQUESTS, 10, 60, 1)


class MovingClock(FixedClock, SystemClock):
    """Stands still until it is moved."""


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    made = SqliteLedger(tmp_path / "ledger.sqlite", FixedClock())
    await made.open()
    yield made
    await made.close()


async def test_expired_holds_are_recorded_and_full_quotas_forgotten_now_and_then(ledger: SqliteLedger) -> None:
    audit, clock = AuditList(), MovingClock()
    sweeper = Sweeper(ledger, audit, Policy(load_policy(POLICIES)), clock)
    await ledger.reserve(replace(reservation("h1", 1), quotas=(REQUESTS,)))
    assert await sweeper.sweep() == 0
    clock.now = NOW + 7 * NANO
    assert await sweeper.sweep() == 0
    assert await ledger.prune(NOW + 7 * NANO) == 1, "not asked for again so soon"
    await ledger.reserve(replace(reservation("h2", 1), quotas=(REQUESTS,)))
    clock.now = NOW + max(TTL, PRUNE_SECONDS * NANO)
    assert await sweeper.sweep() == 2
    assert [record.name for record in audit.records] == [EventName.OUTCOME_RECOVERED] * 2
    assert await ledger.prune(clock.now) == 0
