"""Top-ups against the shipped policy and a real ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.top_ups import Order, amount_nano, checked, end, grant
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import process_directories
from gateway_ext.bootstrap.ledger import opened_ledger, opened_spending
from gateway_ext.budget.rules import AccountLine, BudgetRule, Scope, TopUp
from gateway_ext.budget.windows import Calendar, Window
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError, LedgerUnavailable
from gateway_ext.limits import NANO
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import Ledger, Spending
from gateway_ext.settings import Settings
from tests.unit.budget.reservations import reservation

POLICIES = Path(__file__).parents[3] / "policies"
ORDER = Order("per-team", "sales", 250 * NANO, date(2099, 1, 31), "trade fair")
LIMA = Window(Calendar.MONTH, "America/Lima")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    shipped = load_policy(POLICIES)
    budgets = (
        *shipped.budget.budgets,
        BudgetRule("models", Scope.USER, "*", 1, LIMA, per_model=True),
        BudgetRule("house", Scope.ORGANISATION, "*", 1),
        BudgetRule("units", Scope.BUSINESS_UNIT, "*", 1),
        BudgetRule("some", Scope.TEAM, "sales-*", 1),
    )
    return replace(
        shipped, budget=replace(shipped.budget, budgets=budgets, organisation="acme", business_units={"sales": "works"})
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path)


@pytest.fixture
async def ledger(settings: Settings) -> AsyncIterator[Ledger]:
    async with opened_ledger(settings) as ledger:
        yield ledger


@pytest.fixture
async def spending(settings: Settings) -> AsyncIterator[Spending]:
    async with opened_spending(settings) as spending:
        yield spending


def recorded(settings: Settings) -> list[tuple[str, str, int, str, str]]:
    return [
        (event.name, event.order.value, event.order.amount_nano, event.order.currency, event.order.actor)
        for directory in process_directories(settings.layout.spool)
        for event in last_events(directory, 100)
    ]


async def test_it_is_recorded_and_in_force(
    settings: Settings, snapshot: Snapshot, ledger: Ledger, spending: Spending
) -> None:
    top_up = await checked(ORDER, snapshot, spending)
    await grant(settings, top_up, Actor("ada"), ledger)
    await grant(settings, top_up, Actor("ada"), ledger)  # repeated: the same money
    (found,) = await spending.top_ups(SystemClock().now_unix_nano())
    assert found == replace(top_up, actor="ada")
    assert (found.budget, found.amount_nano, found.reason) == ("EUR/per-team/team/sales", 250 * NANO, "trade fair")
    assert recorded(settings)[0] == ("budget:topup:granted", "EUR/per-team/team/sales", 250 * NANO, "EUR", "ada")


async def test_it_lasts_to_the_end_of_the_day_where_the_budget_is(snapshot: Snapshot, spending: Spending) -> None:
    top_up = await checked(replace(ORDER, rule="models", model="assistant"), snapshot, spending, unknown=True)
    assert top_up.budget == "EUR/models/user/sales/assistant"
    ends = datetime.fromtimestamp(top_up.ends_unix_nano / 1e9, UTC)
    assert ends == datetime(2099, 2, 1, 5, tzinfo=UTC)
    assert top_up.begins_unix_nano <= SystemClock().now_unix_nano()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "per-taem"}, "did you mean 'per-team'"),
        ({"value": "slaes"}, "may be mistyped"),
        ({"rule": "house", "value": "acne"}, "may be mistyped"),
        ({"rule": "units", "value": "sales"}, "may be mistyped"),
        ({"rule": "some"}, "for 'sales-\\*' only"),
        ({"value": "two\nlines"}, "the value"),
        ({"reason": " "}, "the reason"),
        ({"model": "assistant"}, "leave out the model"),
        ({"rule": "models"}, "name one of models.yaml"),
        ({"last_day": date(2001, 1, 1)}, "is over"),
        ({"last_day": date(9999, 12, 31)}, "too far away"),
        ({"amount_nano": 0}, "more than 0"),
        ({"amount_nano": 10**15 + 1}, "at most 1000000"),
    ],
)
async def test_what_is_wrong_is_said(
    snapshot: Snapshot, spending: Spending, settings: Settings, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        await checked(replace(ORDER, **changes), snapshot, spending)  # type: ignore[arg-type]  # of the right types
    assert not settings.layout.spool.exists()


@pytest.mark.parametrize(("rule", "value"), [("house", "acme"), ("units", "works"), ("per-team", "sales")])
async def test_what_policy_names_is_known(snapshot: Snapshot, spending: Spending, rule: str, value: str) -> None:
    top_up = await checked(replace(ORDER, rule=rule, value=value), snapshot, spending)
    assert top_up.budget.endswith(f"/{value}")


async def test_who_has_spent_is_known(snapshot: Snapshot, spending: Spending, ledger: Ledger) -> None:
    order = replace(ORDER, rule="per-user", value="ada@example.com")
    with pytest.raises(ConfigurationError, match="may be mistyped"):
        await checked(order, snapshot, spending)
    await ledger.reserve(
        reservation("1", 1, AccountLine("EUR/2001-01/per-user/user/ada%40example.com", "per-user", 10))
    )
    assert (await checked(order, snapshot, spending)).budget == "EUR/per-user/user/ada%40example.com"


class Away:
    """A ledger that does not answer."""

    async def top_up(self, top_up: TopUp) -> None:
        raise LedgerUnavailable

    async def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool:
        raise LedgerUnavailable


async def test_what_the_ledger_does_not_take_is_recorded_as_failed(
    settings: Settings, snapshot: Snapshot, spending: Spending
) -> None:
    top_up = await checked(ORDER, snapshot, spending)
    with pytest.raises(ConfigurationError, match="try again"):
        await grant(settings, top_up, Actor("ada"), Away())  # type: ignore[arg-type]  # the one call that is made
    assert [name for name, *_ in recorded(settings)] == ["budget:topup:granted", "budget:topup:failed"]


async def test_it_can_be_ended_and_that_is_recorded(
    settings: Settings, snapshot: Snapshot, ledger: Ledger, spending: Spending
) -> None:
    granted = await grant(settings, await checked(ORDER, snapshot, spending), Actor("ada"), ledger)
    ended = await end(settings, granted.id, "cancelled", Actor("bob"), ledger, spending)
    assert ended is not None
    assert ended == replace(granted, ends_unix_nano=ended.ends_unix_nano)
    assert ended.ends_unix_nano <= SystemClock().now_unix_nano()
    assert await spending.top_ups(SystemClock().now_unix_nano()) == []
    assert await end(settings, granted.id, "cancelled", Actor("bob"), ledger, spending) is None
    assert [(name, actor) for name, _, _, _, actor in recorded(settings)] == [
        ("budget:topup:granted", "ada"),
        ("budget:topup:ended", "bob"),
    ]


async def test_what_the_ledger_does_not_end_is_recorded_as_failed(
    settings: Settings, snapshot: Snapshot, ledger: Ledger, spending: Spending
) -> None:
    granted = await grant(settings, await checked(ORDER, snapshot, spending), Actor(), ledger)
    with pytest.raises(ConfigurationError, match="try again"):
        await end(settings, granted.id, "cancelled", Actor(), Away(), spending)  # type: ignore[arg-type]  # the one call
    assert recorded(settings)[-1][0] == "budget:topup:failed"
    assert await spending.top_ups(SystemClock().now_unix_nano()) == [granted]
    with pytest.raises(ConfigurationError, match="the reason"):
        await end(settings, granted.id, " ", Actor(), ledger, spending)


async def test_what_cannot_be_recorded_is_not_granted(
    settings: Settings, snapshot: Snapshot, ledger: Ledger, spending: Spending
) -> None:
    top_up = await checked(ORDER, snapshot, spending)
    with pytest.raises(ConfigurationError, match="nothing was changed"):
        await grant(replace(settings, spool_bytes_max=1), top_up, Actor(), ledger)
    assert await spending.top_ups(0) == []


@pytest.mark.parametrize(
    ("text", "nano"),
    [("250", 250 * NANO), ("12.5", 12_500_000_000), ("0.000000001", 1), ("007", 7 * NANO), ("1.", NANO)],
)
def test_amounts_are_exact(text: str, nano: int) -> None:
    assert amount_nano(text) == nano


@pytest.mark.parametrize("text", ["", ".", "-5", "1e3", "1,5", "0.0000000001", "NaN", "٣", "1" * 30, "1.2.3", " 5"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no amount"):
        amount_nano(text)
