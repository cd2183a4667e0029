"""From a real ledger to what operators are told: every threshold once, none missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway_ext import budget_watch
from gateway_ext.alerts.alert import Alert, Kind
from gateway_ext.alerts.delivery import Undelivered
from gateway_ext.alerts.rules import TRAIL, AlertRules, BudgetAlerts, Webhook
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.audit.records import AuditRecord
from gateway_ext.budget.reserve import lines
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope, TopUp
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.sqlite_spending import SqliteSpending
from gateway_ext.budget.windows import Calendar, Window
from gateway_ext.budget_watch import BudgetWatch, TrailOutlet
from gateway_ext.clock import SystemClock
from gateway_ext.errors import AuditUnavailable, LedgerUnavailable
from gateway_ext.exchange import CredentialClass, Principal, Usage
from gateway_ext.limits import NANO
from tests.unit.alerts.alerts import made
from tests.unit.budget.reservations import FixedClock, reservation

HOUR = 3_600 * NANO
DAY = 24 * HOUR
MID_NOVEMBER = int(datetime(2026, 11, 15, tzinfo=UTC).timestamp()) * NANO
DECEMBER = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()) * NANO
MONTHLY = BudgetRule("monthly", Scope.USER, "*", 1_000)


@dataclass
class World:
    """A ledger, a policy and a watch that can be started anew."""

    directory: Path
    ledger: SqliteLedger
    clock: FixedClock
    budgets: tuple[BudgetRule, ...] = (MONTHLY,)
    alerts: AlertRules = field(default_factory=AlertRules)
    spent: int = 0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.store = SqliteAlerts(self.directory / "alerts.sqlite")
        policy = SimpleNamespace(current=lambda: SimpleNamespace(budget=self.rules, alerts=self.alerts))
        spending = SqliteSpending(self.directory / "ledger.sqlite")
        self.watch = BudgetWatch(cast("Any", policy), spending, self.store, cast("Any", self.clock))

    @property
    def rules(self) -> BudgetRules:
        return BudgetRules("EUR", 900, self.budgets, {})

    async def spend(self, tokens: int, subject: str = "ada", *, held: bool = False) -> None:
        self.spent += 1
        identity, now = str(self.spent), self.clock.now
        principal = Principal(subject, "person", "company", CredentialClass.SSO, "")
        asked = reservation(identity, tokens, *lines(self.rules, principal, "large", now), expires_unix_nano=now + DAY)
        await self.ledger.reserve(replace(asked, created_unix_nano=now))
        if not held:
            await self.ledger.post(identity, Usage(tokens, 0, 0), "eu/model", "test")

    async def told(self) -> list[tuple[str, int]]:
        """What is new since the last look: whose, and which threshold."""
        await self.watch.look()
        waiting = self.store.waiting(TRAIL, 1_000)
        self.store.delivered([sequence for sequence, _ in waiting])
        return [(alert.value, alert.threshold_percent) for _, alert in waiting]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = FixedClock(MID_NOVEMBER)
    ledger = SqliteLedger(tmp_path / "ledger.sqlite", clock)
    await ledger.open()
    yield World(tmp_path, ledger, clock)
    await ledger.close()


async def test_each_threshold_is_told_once(world: World) -> None:
    assert await world.told() == []
    await world.spend(499)
    assert await world.told() == []
    await world.spend(1)
    assert await world.told() == [("ada", 50)]
    assert await world.told() == []
    await world.spend(400)
    await world.spend(500, "eva")
    assert sorted(await world.told()) == [("ada", 80), ("eva", 50)]
    world.restart()
    assert await world.told() == []


async def test_it_says_what_is_spent_and_what_is_held(world: World) -> None:
    await world.spend(600)
    await world.spend(300, held=True)
    await world.watch.look()
    (alert,) = world.store.newest(10)
    assert (alert.threshold_percent, alert.limit_nano, alert.posted_nano, alert.held_nano) == (50, 1_000, 600, 300)
    assert (alert.budget, alert.scope, alert.value, alert.period) == ("monthly", "user", "ada", "2026-11")
    assert alert.ends_unix_nano == DECEMBER


async def test_a_soft_budget_is_told_beyond_its_limit(world: World) -> None:
    world.budgets = (MONTHLY, BudgetRule("soft", Scope.USER, "*", 100, is_hard=False))
    world.alerts = AlertRules({"soft": BudgetAlerts((100, 200)), "monthly": BudgetAlerts(())})
    await world.spend(150)
    assert await world.told() == [("ada", 100)]
    await world.spend(50)
    assert await world.told() == [("ada", 200)]


async def test_a_lower_limit_in_policy_is_told_at_once(world: World) -> None:
    await world.spend(400)
    assert await world.told() == []
    world.budgets = (replace(MONTHLY, limit_nano=400),)
    assert await world.told() == [("ada", 100)]


async def test_a_top_up_counts_while_it_lasts(world: World) -> None:
    await world.ledger.top_up(
        TopUp("t", "EUR/monthly/user/ada", 1_000, MID_NOVEMBER, MID_NOVEMBER + DAY, "root", "fair")
    )
    await world.spend(900)
    assert await world.told() == []
    await world.spend(100)
    assert await world.told() == [("ada", 50)]
    world.clock.now += DAY
    assert await world.told() == [("ada", 100)]


async def test_what_was_carried_over_counts(world: World) -> None:
    world.budgets = (replace(MONTHLY, carries_max_nano=1_000),)
    await world.spend(1)
    world.clock.now = DECEMBER + HOUR
    await world.spend(900)
    assert await world.told() == []
    await world.spend(100)
    assert await world.told() == [("ada", 50)]


async def test_what_ended_with_the_period_is_not_missed_and_a_top_up_of_then_still_counts(world: World) -> None:
    await world.ledger.top_up(TopUp("t", "EUR/monthly/user/ada", 1_000, MID_NOVEMBER, DECEMBER, "root", "fair"))
    world.clock.now = DECEMBER - 1
    await world.spend(1_000)
    await world.spend(800, "eva")
    world.clock.now = DECEMBER + 10 * HOUR
    assert sorted(await world.told()) == [("ada", 50), ("eva", 80)]
    world.clock.now = DECEMBER + 30 * DAY
    world.restart()
    assert await world.told() == []


async def test_each_period_is_told_of_anew(world: World) -> None:
    await world.spend(500)
    assert await world.told() == [("ada", 50)]
    world.clock.now = DECEMBER + HOUR
    await world.spend(500)
    assert await world.told() == [("ada", 50)]


async def test_a_clock_that_jumps_tells_nothing_twice_and_misses_nothing(world: World) -> None:
    await world.spend(500)
    assert await world.told() == [("ada", 50)]
    world.clock.now = DECEMBER + HOUR
    assert await world.told() == []
    world.clock.now = MID_NOVEMBER
    assert await world.told() == []
    await world.spend(300)
    assert await world.told() == [("ada", 80)]


async def test_a_rolling_budget_is_told_once_in_its_length(world: World) -> None:
    world.budgets = (replace(MONTHLY, window=Window(Calendar.ROLLING, length_seconds=24 * 3_600)),)
    await world.spend(500)
    assert await world.told() == [("ada", 50)]
    world.clock.now += 20 * HOUR
    await world.spend(100)
    assert await world.told() == []
    world.clock.now += 10 * HOUR
    assert await world.told() == []  # the first ones have left the window
    await world.spend(500)
    assert await world.told() == [("ada", 50)]


async def test_a_lost_store_is_said_twice_and_not_never(world: World) -> None:
    await world.spend(500)
    assert await world.told() == [("ada", 50)]
    for path in world.directory.glob("alerts.sqlite*"):
        path.unlink()
    assert await world.told() == [("ada", 50)]
    assert await world.told() == []


async def test_what_was_noted_and_not_delivered_waits_across_restarts(world: World) -> None:
    await world.spend(500)
    await world.watch.look()
    world.restart()
    assert await world.told() == [("ada", 50)]


async def test_a_forecast_is_told_once(world: World) -> None:
    world.alerts = AlertRules({"monthly": BudgetAlerts((100,), forecast=True)})
    await world.spend(450)  # in 14 of 30 days
    assert await world.told() == []
    await world.spend(50)
    await world.watch.look()
    (alert,) = world.store.newest(10)
    assert alert.kind is Kind.FORECAST
    assert alert.exceeded_unix_nano is not None
    assert MID_NOVEMBER < alert.exceeded_unix_nano < DECEMBER
    await world.watch.look()
    assert len(world.store.newest(10)) == 1


async def test_channels_are_those_that_policy_names(world: World) -> None:
    world.alerts = AlertRules(
        {"monthly": BudgetAlerts(channels=("hook",))}, (Webhook("hook", "https://hooks.example"),)
    )
    await world.spend(500)
    await world.watch.look()
    assert world.store.counts() == {TRAIL: 1, "hook": 1}
    world.alerts = AlertRules()
    await world.watch.look()
    assert world.store.counts() == {TRAIL: 1}  # given up with its channel


async def test_deliveries_are_given_up_after_days(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await world.spend(500)
    await world.watch.look()
    world.clock.now += 4 * DAY
    await world.watch.look()
    assert world.store.counts() == {}
    assert "1 deliveries are given up" in caplog.text


async def test_a_ledger_that_is_away_is_said_once_and_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(budget_watch, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(world.watch, "_clock", SystemClock())
    looks = {"away": 0, "back": 0}

    async def look() -> int:
        state = "away" if looks["away"] < 3 else "back"
        looks[state] += 1
        if state == "away":
            raise LedgerUnavailable
        return 0

    monkeypatch.setattr(world.watch, "look", look)
    task = asyncio.get_running_loop().create_task(world.watch.run())
    for _ in range(1_000):
        if looks["back"] > 1:
            break
        await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert caplog.text.count("the accounts cannot be looked at") == 1
    assert caplog.text.count("the accounts are looked at again") == 1


class Trail:
    def __init__(self) -> None:
        self.records: list[AuditRecord] = []
        self.is_full = False

    def append(self, record: AuditRecord) -> None:
        if self.is_full:
            raise AuditUnavailable
        self.records.append(record)

    async def durable(self) -> None:
        pass


async def test_the_trail_is_a_channel_that_may_fail() -> None:
    trail = Trail()
    outlet = TrailOutlet(trail)
    alerts: list[Alert] = [made(), made(kind=Kind.FORECAST)]
    await outlet.send(alerts)
    assert [record.name for record in trail.records] == ["budget:threshold:reached", "budget:overrun:forecast"]
    trail.is_full = True
    with pytest.raises(Undelivered):
        await outlet.send(alerts)
