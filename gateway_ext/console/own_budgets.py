"""`/me/budgets`: what whoever asks, their team and their project have left. Of wider budgets only those who may read all hear."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

from fastapi import Depends, Request

from gateway_ext.bootstrap.ledger import opened_spending
from gateway_ext.budget.balances import balance, topped_up
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope
from gateway_ext.budget.scopes import percent_encoded, scope_value
from gateway_ext.budget.spending import Look, Spent, is_of, looks, narrowed
from gateway_ext.clock import SystemClock
from gateway_ext.console import routes
from gateway_ext.console.authentication import require
from gateway_ext.console.budget_shapes import OwnBalances, balance_shown
from gateway_ext.console.context import console_of
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.exchange import Principal
from gateway_ext.ports import Spending

router = routes.router("me")

Reader = Annotated[Person, Depends(require(Permission.OWN_BUDGETS))]
OWN = frozenset({Scope.USER, Scope.TEAM, Scope.PROJECT})


@router.get(
    "/me/budgets",
    operation_id="list_my_budgets",
    summary="What I, my team and my project have left, also of budgets that nobody has used yet",
)
async def list_own(request: Request, person: Reader) -> OwnBalances:
    console, now_unix_nano = console_of(request), SystemClock().now_unix_nano()
    rules = console.policy.current().budget
    found = []
    async with opened_spending(console.settings) as spending:
        added_nano = topped_up(await spending.top_ups(now_unix_nano), now_unix_nano)
        for rule, value in _own(rules, person.principal):
            (look,) = looks(rule, rules.currency, now_unix_nano, late_seconds=0)
            spent = await _spent(spending, rule, look, value)
            found += [balance(rule, rules.currency, look, each, added_nano) for each in spent]
    return OwnBalances(items=[balance_shown(each) for each in found])


def _own(rules: BudgetRules, principal: Principal) -> list[tuple[BudgetRule, str]]:
    """The budgets that are this person's, with whose account it is."""
    own = [(rule, scope_value(rule.scope, principal, rules)) for rule in rules.budgets if rule.scope in OWN]
    return [(rule, value) for rule, value in own if value and fnmatchcase(value, rule.match)]


async def _spent(spending: Spending, rule: BudgetRule, look: Look, value: str) -> list[Spent]:
    """Of a budget with one account for all models there is always one, used or not."""
    found = [each for each in await spending.spent(narrowed(look, value), 0) if is_of(each, look, value)]
    if found or rule.per_model:
        return found
    return [Spent(look.budget + percent_encoded(value), 0, 0, 0)]
