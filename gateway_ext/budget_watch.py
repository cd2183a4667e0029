"""Looks at the accounts every few seconds, beside the request path, and notes what operators are to be told of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from gateway_ext import trail
from gateway_ext.alerts.alert import Alert, Kind
from gateway_ext.alerts.delivery import Undelivered
from gateway_ext.alerts.judgement import Names, Standing, Told, alert, due, posted_nano_min
from gateway_ext.alerts.rules import TRAIL, BudgetAlerts
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.budget.balances import topped_up
from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import BudgetRule, TopUp
from gateway_ext.budget.spending import Look, Spent, looks
from gateway_ext.errors import AuditUnavailable, ConfigurationError, LedgerUnavailable
from gateway_ext.limits import NANO
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import AuditLog, Clock, PolicySource, Spending

LOOK_SECONDS = 5.0
REST_RATIO = 10  # between two looks, of what the last one took: a tenth of a core at most
LATE_SECONDS = 2 * 86_400  # a period that has ended is looked at for so long: above the longest hold
KEPT_SECONDS = 86_400  # beyond the last look at its period
GIVE_UP_SECONDS = 3 * 86_400
NOTED_AT_ONCE = 1_000
FOREVER = 2**63 - 1

_log = logging.getLogger(__name__)


class BudgetWatch:
    """Of several control processes on one ledger each tells its own channels."""

    def __init__(self, policy: PolicySource, spending: Spending, store: SqliteAlerts, clock: Clock) -> None:
        self._policy = policy
        self._spending = spending
        self._store = store
        self._clock = clock
        self._told: dict[tuple[Kind, str], Told] = {}
        self._remembers: object = None  # which file, and on which day it was read
        self.noted = 0  # alerts, since the start

    async def run(self) -> None:
        """Look until cancelled."""
        is_blind = False
        while True:
            began_ns = self._clock.monotonic_ns()
            try:
                await self.look()
                if is_blind:
                    _log.warning("alerts: the accounts are looked at again")
                is_blind = False
            except (LedgerUnavailable, ConfigurationError) as error:
                if not is_blind:  # once an outage; what is not seen now is seen later
                    _log.error("alerts: the accounts cannot be looked at: %s", error.diagnostics())
                is_blind = True
            took_seconds = (self._clock.monotonic_ns() - began_ns) / NANO
            await asyncio.sleep(max(LOOK_SECONDS, REST_RATIO * took_seconds))

    async def look(self) -> int:
        """Note what is to be told; how many alerts that is. Raises LedgerUnavailable, ConfigurationError."""
        now_unix_nano, snapshot = self._clock.now_unix_nano(), self._policy.current()
        await asyncio.to_thread(self._remember, now_unix_nano, snapshot)
        top_ups = await self._spending.top_ups(now_unix_nano - LATE_SECONDS * NANO)
        noted = 0
        for rule in snapshot.budget.budgets:
            alerts = snapshot.alerts.of(rule.name)
            for each in looks(rule, snapshot.budget.currency, now_unix_nano, LATE_SECONDS):
                at_unix_nano = min(now_unix_nano, each.ends_unix_nano - 1 if each.ends_unix_nano else FOREVER)
                least = posted_nano_min(
                    alerts, rule.limit_nano, at_unix_nano, each.begins_unix_nano, each.ends_unix_nano
                )
                if least is None:
                    continue
                spent = await self._spending.spent(each, least)
                judge = _Judge(rule, alerts, snapshot.budget.currency, each, at_unix_nano, now_unix_nano)
                noted += await asyncio.to_thread(self._note, judge, spent, top_ups)
        self.noted += noted
        return noted

    def _remember(self, now_unix_nano: int, snapshot: Snapshot) -> None:
        """What was told is read once a day, which forgets what is over, and when the store was lost or replaced."""
        channels = [TRAIL, *(channel.name for channel in snapshot.alerts.channels)]
        given_up = self._store.forget(now_unix_nano, now_unix_nano - GIVE_UP_SECONDS * NANO, channels)
        if given_up:
            _log.error("alerts: %d deliveries are given up: too old, or to channels that policy has no more", given_up)
        remembers = self._store.identity(), now_unix_nano // (KEPT_SECONDS * NANO)
        if remembers != self._remembers:
            self._told, self._remembers = self._store.told(), remembers

    def _note(self, judge: _Judge, spent: Sequence[Spent], top_ups: Sequence[TopUp]) -> int:
        added_nano = topped_up(top_ups, judge.at_unix_nano)
        found = [each for one in spent for each in judge.alerts(one, added_nano, self._told)]
        channels = (TRAIL, *judge.rules.channels)
        for start in range(0, len(found), NOTED_AT_ONCE):
            batch = found[start : start + NOTED_AT_ONCE]
            self._store.note((each, channels, judge.forget_unix_nano) for each in batch)
            for each in batch:
                self._told[each.kind, each.account] = Told(each.threshold_percent, each.told_unix_nano)
        return len(found)


class _Judge:
    """Of one budget in one period."""

    def __init__(
        self, rule: BudgetRule, rules: BudgetAlerts, currency: str, look: Look, at_unix_nano: int, now_unix_nano: int
    ) -> None:
        self._rule = rule
        self.rules = rules
        self._currency = currency
        self._look = look
        self.at_unix_nano = at_unix_nano
        self._now_unix_nano = now_unix_nano
        self._length_nano = rule.window.length_seconds * NANO

    @property
    def forget_unix_nano(self) -> int:
        """When nobody asks any more whether it was told."""
        if self._look.is_rolling:
            return self._now_unix_nano + self._length_nano + KEPT_SECONDS * NANO
        if self._look.ends_unix_nano is None:
            return FOREVER
        return self._look.ends_unix_nano + (LATE_SECONDS + KEPT_SECONDS) * NANO

    def alerts(
        self, spent: Spent, added_nano: Mapping[str, int], told: dict[tuple[Kind, str], Told]
    ) -> Iterable[Alert]:
        topped_up_nano = added_nano.get(f"{self._currency}/{spent.budget}", 0)
        standing = Standing(
            account=f"{self._currency}/{self._look.period}/{spent.budget}",
            limit_nano=self._rule.limit_nano + spent.carried_nano + topped_up_nano,
            posted_nano=spent.posted_nano,
            held_nano=spent.held_nano,
            carried_nano=spent.carried_nano,
            topped_up_nano=topped_up_nano,
            at_unix_nano=self.at_unix_nano,
            begins_unix_nano=self._look.begins_unix_nano,
            ends_unix_nano=self._look.ends_unix_nano,
            length_nano=self._length_nano,
        )
        for kind, threshold_percent in due(standing, self.rules, told):
            yield alert(standing, self._names(spent.budget), kind, threshold_percent, self._now_unix_nano)

    def _names(self, budget: str) -> Names:
        key = AccountKey.parse(f"{self._currency}//{budget}")
        return Names(
            budget=key.rule,
            scope=key.scope,
            value=key.value,
            model=key.model,
            period=self._look.period,
            currency=self._currency,
            is_hard=self._rule.is_hard,
        )


class TrailOutlet:
    """The audit trail as a channel of alerts."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    async def send(self, alerts: Sequence[Alert]) -> None:
        try:
            for each in alerts:
                self._audit.append(trail.alerted(each))
        except AuditUnavailable:
            raise Undelivered("the audit spool takes no records") from None

    def close(self) -> None:
        """The spool is its process's."""
