"""What gauges show: read from the state directory and the ledger right before it is exported."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from gateway_ext import limits
from gateway_ext.audit import semconv
from gateway_ext.audit.checkpoint_file import CheckpointFile
from gateway_ext.audit.cursor import load_cursors, unshipped_bytes
from gateway_ext.audit.segments import process_directories
from gateway_ext.budget.balances import Balance, balance, topped_up
from gateway_ext.budget.rules import BudgetRule, Scope
from gateway_ext.budget.spending import looks
from gateway_ext.errors import LedgerUnavailable
from gateway_ext.limits import NANO
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import PolicySource, Spending
from gateway_ext.telemetry import names
from gateway_ext.telemetry.names import Metric

Observations = Mapping[Metric, list[Observation]]

_OF_NOBODY = frozenset(Scope) - {Scope.USER, Scope.CREDENTIAL, Scope.AGENT_RUN}  # budgets that name no person


class _Clock(Protocol):
    def now_unix_nano(self) -> int: ...
    def monotonic_ns(self) -> int: ...


class Gauges:
    """As of the last `refresh`, which rests for REST_SECONDS however often it is asked for."""

    REST_SECONDS = 1.0

    def __init__(
        self, spool: Path, trees: Path, spool_bytes_max: int, policy: PolicySource, spending: Spending, clock: _Clock
    ) -> None:
        self._spool, self._trees, self._spool_bytes_max = spool, trees, spool_bytes_max
        self._policy, self._spending, self._clock = policy, spending, clock
        self._observed: Observations = {}
        self._refreshed_ns = -(2**62)
        self._refreshing = asyncio.Lock()

    def register(self, meter: Meter) -> None:
        for metric in names.GAUGES:

            def observe(_: CallbackOptions, metric: Metric = metric) -> list[Observation]:
                return self._observed.get(metric, [])

            meter.create_observable_gauge(metric.name, [observe], metric.unit, metric.description)

    async def refresh(self, exchanges_open: int) -> None:
        """What cannot be read is left out: a gauge that is missing is an alarm, one that stands still is not."""
        async with self._refreshing:
            if self._clock.monotonic_ns() - self._refreshed_ns < self.REST_SECONDS * NANO:
                return
            snapshot, now = self._policy.current(), self._clock.now_unix_nano()
            found = await asyncio.to_thread(
                logs_observed, self._spool, self._trees, self._spool_bytes_max, now_unix_nano=now
            )
            with contextlib.suppress(LedgerUnavailable):
                found |= await budgets_observed(snapshot, self._spending, now)
            found[names.POLICY] = [Observation(1, {names.DIGEST: snapshot.digest})]
            found[names.EXCHANGES_OPEN] = [Observation(exchanges_open)]
            self._observed, self._refreshed_ns = found, self._clock.monotonic_ns()


def logs_observed(
    spool: Path, trees: Path, spool_bytes_max: int, now_unix_nano: int
) -> dict[Metric, list[Observation]]:
    """What waits of each process's records, for each output, and what is signed of them. Blocks."""
    found: defaultdict[Metric, list[Observation]] = defaultdict(list)
    for directory in process_directories(spool):
        process = {semconv.PROCESS: directory.name}
        try:
            waits = {output: unshipped_bytes(directory, at) for output, at in load_cursors(directory).items()}
            signed = CheckpointFile(trees / directory.name).latest()
        except (OSError, ValueError):
            continue
        found[names.LAG] += [Observation(lag, {**process, names.OUTPUT: output}) for output, lag in waits.items()]
        found[names.SPOOL_FILL].append(Observation(max(waits.values(), default=0) / spool_bytes_max, process))
        if signed is not None:
            age_seconds = (now_unix_nano - signed.time_unix_nano) / NANO
            found[names.CHECKPOINT_AGE].append(Observation(age_seconds, process))
            found[names.CHECKPOINT_RECORDS].append(Observation(signed.size, process))
    return dict(found)


async def budgets_observed(snapshot: Snapshot, spending: Spending, now_unix_nano: int) -> Observations:
    """The accounts of budgets that are nobody's in particular, of the period under way. Raises LedgerUnavailable."""
    found: defaultdict[Metric, list[Observation]] = defaultdict(list)
    added_nano = topped_up(await spending.top_ups(now_unix_nano), now_unix_nano)
    for rule in snapshot.budget.budgets:
        if rule.scope in _OF_NOBODY:
            for each in await _balances(rule, snapshot.budget.currency, spending, added_nano, now_unix_nano):
                whose = {
                    names.BUDGET: each.rule,
                    names.BUDGET_SCOPE: each.scope,
                    names.BUDGET_VALUE: each.value,
                    semconv.REQUEST_MODEL: each.model,
                    semconv.CURRENCY: each.currency,
                }
                limit_nano = each.limit_nano + each.carried_nano + each.topped_up_nano
                found[names.BUDGET_LIMIT].append(Observation(limit_nano / NANO, whose))
                found[names.BUDGET_POSTED].append(Observation(each.posted_nano / NANO, whose))
                found[names.BUDGET_HELD].append(Observation(each.held_nano / NANO, whose))
    return found


async def _balances(
    rule: BudgetRule, currency: str, spending: Spending, added_nano: Mapping[str, int], now_unix_nano: int
) -> list[Balance]:
    current = looks(rule, currency, now_unix_nano, late_seconds=0)[0]
    accounts = await spending.spent(current, posted_nano_min=0)
    accounts.sort(key=lambda each: each.posted_nano, reverse=True)
    kept = accounts[: limits.METRIC_VALUES_MAX]
    return [balance(rule, currency, current, each, added_nano) for each in kept]
