"""What is left, over the API: by the policy of the moment, of a real ledger."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.budget.quota_lines import quota_lines
from gateway_ext.budget.reserve import lines
from gateway_ext.budget.rules import BudgetRule, QuotaRule, Scope, TopUp
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.windows import Calendar, Window
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import CredentialClass, Estimate, Principal, Usage
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit
from tests.unit.budget.reservations import reservation
from tests.unit.console.office import Office

MONTH = BudgetRule("monthly", Scope.USER, "*", 1_000)
ROLLING = BudgetRule("bursts", Scope.TEAM, "*", 500, Window(Calendar.ROLLING, length_seconds=24 * 3600), is_hard=False)
SLOW = QuotaRule("slow", Scope.USER, "*", Unit.REQUESTS, 10, 86_400)
PEOPLE = ("ada", "bob", "e/va")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Everybody has spent 300 of 1,000 and holds 50; Ada has 25 on top."""
    office = Office(tmp_path)
    rules = replace(office.policy.budget, budgets=(MONTH, ROLLING), quotas=(SLOW,))
    office.policy = replace(office.policy, budget=rules)
    now = SystemClock().now_unix_nano()

    async def spend() -> None:
        ledger = SqliteLedger(office.settings.layout.ledger, SystemClock())
        await ledger.open()
        for person in PEOPLE:
            principal = Principal(person, "person", "company", CredentialClass.SSO, "", team="demo")
            for hold_id, amount_nano in ((f"{person}-1", 300), (f"{person}-2", 50)):
                quotas = quota_lines(rules, principal, "large", Estimate(1, 1), amount_nano)
                asked = reservation(
                    hold_id, amount_nano, *lines(rules, principal, "large", now), expires_unix_nano=now + 900 * NANO
                )
                await ledger.reserve(replace(asked, quotas=quotas, created_unix_nano=now))
            await ledger.post(f"{person}-1", Usage(300, 0), "eu/model", "test")
        await ledger.top_up(TopUp("t1", "EUR/monthly/user/ada", 25, now, now + 900 * NANO, "root", "fair"))
        await ledger.close()

    asyncio.run(spend())
    return office


async def test_budgets_say_what_is_left(office: Office) -> None:
    async with office.as_("otto") as otto:
        page = (await otto.get("/api/v1/budgets")).json()
    assert page["next"] is None
    left = {(each["budget"], each["value"]): each["left_nano"] for each in page["items"]}
    assert left == {
        ("bursts", "demo"): "-550",
        ("monthly", "ada"): "675",
        ("monthly", "bob"): "650",
        ("monthly", "e/va"): "650",
    }
    bursts, ada = page["items"][:2]
    assert (bursts["hard"], bursts["period"], bursts["ends"]) == (False, "rolling 86400 s", None)
    assert {name: ada[f"{name}_nano"] for name in ("limit", "carried", "topped_up", "posted", "held")} == {
        "limit": "1000",
        "carried": "0",
        "topped_up": "25",
        "posted": "300",
        "held": "50",
    }
    assert ada["hard"]
    assert ada["ends"] is not None


async def test_another_limit_counts_at_once(office: Office) -> None:
    office.policy = replace(
        office.policy, budget=replace(office.policy.budget, budgets=(replace(MONTH, limit_nano=400),))
    )
    async with office.as_("grace") as grace:
        page = (await grace.get("/api/v1/budgets?budget=monthly")).json()
        assert [each["left_nano"] for each in page["items"]] == ["75", "50", "50"]
        assert (await grace.get("/api/v1/budgets?budget=other")).json()["items"] == []


async def test_quotas_say_what_is_left_and_when_all_is_there_again(office: Office) -> None:
    async with office.as_("sofia") as sofia:
        page = (await sofia.get("/api/v1/quotas")).json()
        assert [(each["value"], each["limit"], each["left"], each["unit"]) for each in page["items"]] == [
            (person, "10", "8", "requests") for person in PEOPLE
        ]
        assert page["items"][0]["full"] is not None
        assert (await sofia.get("/api/v1/quotas?quota=other")).json()["items"] == []


async def test_people_see_what_they_and_their_team_have_left(office: Office) -> None:
    of_models = BudgetRule("dear", Scope.USER, "*", 5, models=("large",), per_model=True)
    hidden = (BudgetRule("house", Scope.ORGANISATION, "*", 7), BudgetRule("others", Scope.USER, "b*", 9))
    rules = (MONTH, ROLLING, of_models, *hidden)
    office.policy = replace(office.policy, budget=replace(office.policy.budget, budgets=rules))
    async with office.as_("ada") as ada, office.as_("otto") as otto:
        mine = (await ada.get("/api/v1/me/budgets")).json()["items"]
        unused = (await otto.get("/api/v1/me/budgets")).json()["items"]
    assert [(each["budget"], each["value"], each["left_nano"]) for each in mine] == [
        ("monthly", "ada", "675"),
        ("bursts", "demo", "-550"),
    ]
    assert [(each["budget"], each["value"], each["left_nano"]) for each in unused] == [
        ("monthly", "otto", "1000"),
        ("bursts", "demo", "-550"),
    ]


@pytest.mark.parametrize("path", ["budgets", "quotas"])
async def test_pages_lead_on(office: Office, path: str) -> None:
    async with office.as_("grace") as grace:
        seen, query = [], "limit=2"
        while query:
            answer = await grace.get(f"/api/v1/{path}?{query}")
            page = answer.json()
            assert ("link" in answer.headers) is (page["next"] is not None)
            seen += [each["value"] for each in page["items"]]
            query = page["next"] and f"limit=2&cursor={page['next']}"
    assert [each for each in seen if each != "demo"] == list(PEOPLE)


async def test_a_ledger_that_is_not_there_yet_has_nothing_to_show(tmp_path: Path) -> None:
    async with Office(tmp_path).as_("otto") as otto:
        for path in ("budgets", "quotas"):
            assert (await otto.get(f"/api/v1/{path}")).json() == {"items": [], "next": None}
