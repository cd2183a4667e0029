"""`/budgets` and `/quotas`: what whoever has spent anything has left, by the policy and the ledger of this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, NamedTuple

from fastapi import Depends, Query, Request, Response

from gateway_ext.bootstrap.ledger import opened_spending
from gateway_ext.budget.balances import balance, topped_up
from gateway_ext.budget.quota_levels import QuotaLevel, quota_levels
from gateway_ext.budget.rules import BudgetRule, BudgetRules
from gateway_ext.budget.spending import Look, Spent, looks
from gateway_ext.clock import SystemClock
from gateway_ext.console import routes
from gateway_ext.console.authentication import require
from gateway_ext.console.budget_shapes import BalancePage, QuotaPage, balance_shown, quota_shown
from gateway_ext.console.context import console_of
from gateway_ext.console.pagination import PageWanted, link, page_of
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.settings import Settings

BUDGETS = f"{routes.PREFIX}/budgets"
QUOTAS = f"{routes.PREFIX}/quotas"
router = routes.router("budgets")

Reader = Annotated[Person, Depends(require(Permission.BUDGETS_READ))]
Name = Annotated[str, Query(max_length=256, description="Only this one of budgets.yaml.")]


class _Account(NamedTuple):
    """Not yet worked out: of many accounts one page is shown."""

    rule: BudgetRule
    look: Look
    spent: Spent

    def key(self) -> tuple[str, str]:
        return self.rule.name, self.spent.budget


@router.get(
    "/budgets",
    operation_id="list_budgets",
    summary="What each account of a budget has left in the period under way; one that nobody has used is not listed",
)
async def list_budgets(
    request: Request, response: Response, _: Reader, asked: PageWanted, budget: Name = ""
) -> BalancePage:
    console, now_unix_nano = console_of(request), SystemClock().now_unix_nano()
    settings, rules = console.settings, console.policy.current().budget
    found = await _accounts(settings, rules, budget, now_unix_nano)
    page = await asyncio.to_thread(page_of, found, _Account.key, asked)
    response.headers.update(link(BUDGETS, dict(request.query_params), page.next))
    async with opened_spending(settings) as spending:
        added_nano = topped_up(await spending.top_ups(now_unix_nano), now_unix_nano)
    shown = [balance(each.rule, rules.currency, each.look, each.spent, added_nano) for each in page.items]
    return BalancePage(items=[balance_shown(each) for each in shown], next=page.next)


@router.get(
    "/quotas",
    operation_id="list_quotas",
    summary="What each quota has left; one that has been full for a day is not listed",
)
async def list_quotas(
    request: Request, response: Response, _: Reader, asked: PageWanted, quota: Name = ""
) -> QuotaPage:
    console = console_of(request)
    found = await _levels(console.settings, console.policy.current().budget)
    wanted = [each for each in found if quota in ("", each.rule)]
    page = page_of(wanted, lambda each: (each.rule, each.value, each.model, each.priority), asked)
    response.headers.update(link(QUOTAS, dict(request.query_params), page.next))
    return QuotaPage(items=[quota_shown(each) for each in page.items], next=page.next)


async def _accounts(settings: Settings, rules: BudgetRules, name: str, now_unix_nano: int) -> list[_Account]:
    found: list[_Account] = []
    async with opened_spending(settings) as spending:
        for rule in rules.budgets:
            if name in ("", rule.name):
                (look,) = looks(rule, rules.currency, now_unix_nano, late_seconds=0)
                found += await asyncio.to_thread(_of, rule, look, await spending.spent(look, 0))
    return found


def _of(rule: BudgetRule, look: Look, spent: Iterable[Spent]) -> list[_Account]:
    return [_Account(rule, look, each) for each in spent]


async def _levels(settings: Settings, rules: BudgetRules) -> list[QuotaLevel]:
    async with opened_spending(settings) as spending:
        states = await spending.quotas()
    return await asyncio.to_thread(quota_levels, states, rules, SystemClock().now_unix_nano())
