"""Whatever is spent, granted, looked at, restarted, failed and however the clock jumps: each threshold once, none missed."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from gateway_ext.alerts.rules import TRAIL, AlertRules, BudgetAlerts
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.budget.quotas import State
from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope, TopUp
from gateway_ext.budget.spending import Look, Spent
from gateway_ext.budget_watch import BudgetWatch
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.limits import NANO
from tests.unit.budget.reservations import FixedClock

BEGIN = datetime(2026, 11, 10, tzinfo=UTC)
USERS = st.sampled_from(["a", "a-b", "ä/b"])
LIMIT = 100


class Books:
    """A ledger that only the watch reads: implements ports.Spending."""

    def __init__(self) -> None:
        self.posted: dict[str, int] = {}
        self.granted: list[TopUp] = []
        self.is_away = False

    async def spent(self, look: Look, posted_nano_min: int) -> list[Spent]:
        self._answer()
        return [
            Spent(key[look.at - 1 :], posted, 0, 0)
            for key, posted in self.posted.items()
            if look.low <= key < look.high and posted >= posted_nano_min
        ]

    async def top_ups(self, ends_after_unix_nano: int) -> list[TopUp]:
        self._answer()
        return [each for each in self.granted if each.ends_unix_nano > ends_after_unix_nano]

    async def quotas(self) -> dict[str, State]:
        raise NotImplementedError

    async def has_account(self, rule: str, budget: str) -> bool:
        raise NotImplementedError

    async def close(self) -> None: ...

    def _answer(self) -> None:
        if self.is_away:
            raise LedgerUnavailable


class AlertsAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.books = Books()
        self.clock = FixedClock()
        self.now = BEGIN
        self.thresholds: tuple[int, ...] = (50, 80, 100)
        self.limit = LIMIT
        self.expected: dict[tuple[str, str], list[int]] = {}  # by user and month: the thresholds told, in order
        self.taken: list[tuple[str, str, int]] = []
        self.restart()

    def teardown(self) -> None:
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.directory.cleanup()

    @property
    def month(self) -> str:
        return f"{self.now:%Y-%m}"

    @rule()
    def restart(self) -> None:
        self.store = SqliteAlerts(Path(self.directory.name) / "alerts.sqlite")
        current = SimpleNamespace(
            current=lambda: SimpleNamespace(budget=self.budget_rules(), alerts=self.alert_rules())
        )
        self.watch = BudgetWatch(cast("Any", current), self.books, self.store, cast("Any", self.clock))

    def budget_rules(self) -> BudgetRules:
        return BudgetRules("EUR", 900, (BudgetRule("monthly", Scope.USER, "*", self.limit),), {})

    def alert_rules(self) -> AlertRules:
        return AlertRules({"monthly": BudgetAlerts(self.thresholds)})

    @rule(user=USERS, amount=st.integers(1, 60))
    def spend(self, user: str, amount: int) -> None:
        key = str(AccountKey("EUR", self.month, "monthly", "user", user))
        self.books.posted[key] = self.books.posted.get(key, 0) + amount

    @rule(user=USERS, amount=st.integers(1, 200), hours=st.integers(1, 400))
    def grant(self, user: str, amount: int, hours: int) -> None:
        budget = f"EUR/{AccountKey('EUR', '', 'monthly', 'user', user).budget}"
        begins, ends = (int(each.timestamp()) * NANO for each in (self.now, self.now + timedelta(hours=hours)))
        self.books.granted.append(TopUp(str(len(self.books.granted)), budget, amount, begins, ends, "root", "r"))

    @rule(hours=st.integers(-24 * 40, 24 * 40))
    def jump(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(hours=st.integers(0, 60))
    def turn_of_the_month(self, hours: int) -> None:
        self.now = (self.now.replace(day=1, hour=0) + timedelta(days=32)).replace(day=1) + timedelta(hours=hours)

    @rule(user=USERS, amount=st.integers(20, 60))
    def spend_what_was_granted_for_the_month_at_its_end(self, user: str, amount: int) -> None:
        """And look in the next one."""
        end = (self.now.replace(day=1, hour=0) + timedelta(days=32)).replace(day=1)
        self.grant(user, LIMIT, int((end - self.now) / timedelta(hours=1)) or 1)
        self.spend(user, amount)
        self.now = end + timedelta(hours=1)
        self.look()

    @rule(limit=st.integers(50, 200), thresholds=st.sampled_from([(50, 80, 100), (90,), (), (10, 120)]))
    def change_policy(self, limit: int, thresholds: tuple[int, ...]) -> None:
        self.limit, self.thresholds = limit, thresholds

    @rule()
    def fail_to_read(self) -> None:
        self.books.is_away = True
        with contextlib.suppress(LedgerUnavailable):
            self.look_once()
        self.books.is_away = False

    @precondition(lambda self: self.thresholds)
    @rule()
    def fail_to_note(self) -> None:
        def fail(*_: object) -> None:
            raise ConfigurationError("the disk is full")

        with patch.object(SqliteAlerts, "note", fail), contextlib.suppress(ConfigurationError):
            self.look_once()

    @rule()
    def look(self) -> None:
        self.look_once()
        self.note_expected()
        told = sorted((user, month, each) for (user, month), all_ in self.expected.items() for each in all_)
        assert sorted(self.taken + self.waiting()) == told

    @rule()
    def deliver(self) -> None:
        waiting = self.store.waiting(TRAIL, 10_000)
        self.taken += self.waiting()
        self.store.delivered([sequence for sequence, _ in waiting])

    def look_once(self) -> None:
        self.clock.now = int(self.now.timestamp()) * NANO
        # What waits is never given up here, and nothing forgotten: the clock jumps further than people wait.
        with patch.object(SqliteAlerts, "forget", lambda *_: 0):
            self.loop.run_until_complete(self.watch.look())

    def waiting(self) -> list[tuple[str, str, int]]:
        return [(each.value, each.period, each.threshold_percent) for _, each in self.store.waiting(TRAIL, 10_000)]

    def note_expected(self) -> None:
        """By the words of docs/alerts.md: the month under way, and the one before for two days."""
        first = self.now.replace(day=1, hour=0)
        moments = [self.now]
        if self.now - first < timedelta(days=2):
            moments.append(first - timedelta(microseconds=1))
        for at in moments:
            for key, posted in self.books.posted.items():
                account = AccountKey.parse(key)
                if account.window == f"{at:%Y-%m}":
                    self._expect(account.value, account.window, posted, at)

    def _expect(self, user: str, month: str, posted: int, at: datetime) -> None:
        budget = f"EUR/{AccountKey('EUR', '', 'monthly', 'user', user).budget}"
        moment = at.timestamp() * NANO
        more = sum(
            each.amount_nano
            for each in self.books.granted
            if each.budget == budget and each.begins_unix_nano <= moment < each.ends_unix_nano
        )
        told = self.expected.setdefault((user, month), [])
        reached = [each for each in self.thresholds if posted / (self.limit + more) >= each / 100]
        if reached and max(reached) > max(told, default=0):
            told.append(max(reached))


TestAlerts = AlertsAgainstModel.TestCase
TestAlerts.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
