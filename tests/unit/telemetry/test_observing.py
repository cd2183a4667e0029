"""Gauges: what waits, what is signed, what is left of budgets that are nobody's in particular."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from gateway_ext.audit.checkpoint_file import CheckpointFile, SignedCheckpoint
from gateway_ext.audit.cursor import Cursor, save_cursor
from gateway_ext.audit.spool import Spool
from gateway_ext.budget.reserve import lines
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope, TopUp
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.sqlite_spending import SqliteSpending
from gateway_ext.clock import SystemClock
from gateway_ext.errors import LedgerUnavailable
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO
from gateway_ext.telemetry import names
from gateway_ext.telemetry.observing import Gauges, budgets_observed, logs_observed
from tests.unit.budget.reservations import FixedClock, reservation
from tests.unit.telemetry.trail_records import ADA, NOW, REFUSED

BUDGETS = BudgetRules(
    "EUR",
    900,
    (
        BudgetRule("per-user", Scope.USER, "*", 7 * NANO),
        BudgetRule("per-team", Scope.TEAM, "*", 5 * NANO),
        BudgetRule("house", Scope.ORGANISATION, "*", 100 * NANO),
    ),
    {},
)
SNAPSHOT = cast("Any", SimpleNamespace(digest="d1", budget=BUDGETS))


def shown(found: Mapping[Any, list[Observation]], metric: names.Metric) -> list[tuple[dict[str, Any], float]]:
    return [(dict(each.attributes or {}), each.value) for each in found.get(metric, [])]


async def spent(directory: Path) -> SqliteSpending:
    """A ledger in which Ada of team sales has spent a tenth and holds a bit."""
    ledger = SqliteLedger(directory / "ledger.sqlite", FixedClock(NOW))
    await ledger.open()
    for identity in ("1", "2"):
        asked = reservation(identity, 100, *lines(BUDGETS, ADA, "assistant", NOW), expires_unix_nano=NOW + 900 * NANO)
        await ledger.reserve(replace(asked, created_unix_nano=NOW))
    await ledger.post("1", Usage(100, 0), "eu/model", "test")
    await ledger.top_up(TopUp("t1", "EUR/per-team/team/sales", NANO, NOW - NANO, NOW + 10**6 * NANO, "", ""))
    await ledger.close()
    return SqliteSpending(directory / "ledger.sqlite")


def test_what_waits_for_each_output(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", "processor-0", SystemClock())
    spool.append(REFUSED)
    spool.close()
    directory = tmp_path / "spool" / "processor-0"
    size = sum(path.stat().st_size for path in directory.glob("*.segment"))
    save_cursor(directory, Cursor(1, size))
    save_cursor(directory, Cursor(), "syslog")
    found = logs_observed(tmp_path / "spool", tmp_path / "trees", 10 * size, NOW)
    assert shown(found, names.LAG) == [
        ({"gateway.process": "processor-0", "gateway.output": "otlp"}, 0),
        ({"gateway.process": "processor-0", "gateway.output": "syslog"}, size),
    ]
    ((whose, fill),) = shown(found, names.SPOOL_FILL)
    assert whose == {"gateway.process": "processor-0"}
    assert fill == pytest.approx(0.1)
    assert names.CHECKPOINT_AGE not in found


def test_how_old_a_checkpoint_is(tmp_path: Path) -> None:
    for name in ("control", "processor-0"):
        (tmp_path / "spool" / name).mkdir(parents=True)
        (tmp_path / "trees" / name).mkdir(parents=True)
    CheckpointFile(tmp_path / "trees" / "control").append(None, SignedCheckpoint(NOW - 3 * NANO, 17, b"note"))
    (tmp_path / "trees" / "processor-0" / "checkpoints").write_text("not JSON\n")
    found = logs_observed(tmp_path / "spool", tmp_path / "trees", 1, NOW)
    assert shown(found, names.CHECKPOINT_AGE) == [({"gateway.process": "control"}, 3.0)]
    assert shown(found, names.CHECKPOINT_RECORDS) == [({"gateway.process": "control"}, 17)]


async def test_budgets_of_teams_and_the_house_and_of_no_person(tmp_path: Path) -> None:
    found = await budgets_observed(SNAPSHOT, await spent(tmp_path), NOW)
    limits = {each["gateway.budget.name"]: (each, value) for each, value in shown(found, names.BUDGET_LIMIT)}
    assert set(limits) == {"per-team", "house"}
    assert limits["per-team"] == (
        {
            "gateway.budget.name": "per-team",
            "gateway.budget.scope": "team",
            "gateway.budget.value": "sales",
            "gen_ai.request.model": "",
            "gateway.budget.currency": "EUR",
        },
        6.0,  # topped up
    )
    posted, held = (
        {each["gateway.budget.name"]: value for each, value in shown(found, metric)}
        for metric in (names.BUDGET_POSTED, names.BUDGET_HELD)
    )
    assert posted["house"] == posted["per-team"] > 0
    assert held["house"] == held["per-team"] > 0


class BrokenSpending:
    async def top_ups(self, ends_after_unix_nano: int) -> list[TopUp]:
        raise LedgerUnavailable


async def test_gauges_are_read_when_they_are_exported_and_not_too_often(tmp_path: Path) -> None:
    ticks, snapshot = 0, SNAPSHOT
    clock = SimpleNamespace(now_unix_nano=lambda: NOW, monotonic_ns=lambda: ticks)
    policy = SimpleNamespace(current=lambda: snapshot)
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    gauges = Gauges(
        tmp_path / "spool",
        tmp_path / "trees",
        1,
        cast("Any", policy),
        cast("Any", BrokenSpending()),
        cast("Any", clock),
    )
    gauges.register(provider.get_meter("test"))

    def digests() -> list[Any]:
        data = reader.get_metrics_data()
        return [
            (point.attributes or {}).get("gateway.policy.digest")
            for of_resource in (data.resource_metrics if data else ())
            for each in of_resource.scope_metrics[0].metrics
            if each.name == names.POLICY.name
            for point in each.data.data_points
        ]

    assert digests() == []
    await gauges.refresh(exchanges_open=3)  # whose ledger is away: the others are shown all the same
    assert digests() == ["d1"]
    snapshot = cast("Any", SimpleNamespace(digest="d2", budget=BUDGETS))
    await gauges.refresh(exchanges_open=3)
    assert digests() == ["d1"]
    ticks += NANO
    await gauges.refresh(exchanges_open=3)
    assert digests() == ["d2"]
