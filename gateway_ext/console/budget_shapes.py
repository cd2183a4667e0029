"""Money as the API shows it, and top-ups as they are asked for. Amounts in nano-units are text: JSON's numbers end at 2**53."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from gateway_ext.budget.balances import Balance
from gateway_ext.budget.quota_levels import QuotaLevel
from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import TopUp
from gateway_ext.console.fields import Body, Line, OptionalLine, Reason, Shown, moment, time_of
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit


class TopUpWish(Body):
    """So much for one account of a budget, from now until the end of a day in the budget's time zone.

    `unknown`: also for a name under which nobody has spent.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "budget": "per-team",
                    "value": "sales",
                    "amount": "250",
                    "until": "2099-01-31",
                    "reason": "trade fair",
                }
            ]
        }
    )

    budget: Annotated[Line, Field(description="As budgets.yaml calls it.")]
    value: Annotated[Line, Field(description="Which user, team, …, as the budget's scope says.")]
    amount: Annotated[str, Field(max_length=32, description="In units of the book's currency, such as 12.50.")]
    until: Annotated[date, Field(strict=False, description="The last day.")]  # JSON has no dates
    reason: Reason
    model: Annotated[OptionalLine, Field(description="Of a budget with an account for each model.")] = ""
    unknown: bool = False


class TopUpShown(Shown):
    id: str
    budget: str
    scope: str
    value: str
    model: str
    amount_nano: str
    currency: str
    begins: datetime
    ends: datetime
    actor: str
    reason: str


class TopUpPage(Shown):
    items: list[TopUpShown]
    next: str | None


class BalanceShown(Shown):
    """`left_nano` is negative when more was spent than is allowed now. `hard`: whether it refuses anybody.

    `ends` is null where a period does not end, or rolls.
    """

    budget: str
    scope: str
    value: str
    model: str
    period: str
    hard: bool
    currency: str
    limit_nano: str
    carried_nano: str
    topped_up_nano: str
    posted_nano: str
    held_nano: str
    left_nano: str
    ends: datetime | None


class BalancePage(Shown):
    items: list[BalanceShown]
    next: str | None


class OwnBalances(Shown):
    items: list[BalanceShown]


class QuotaShown(Shown):
    """`limit` and `left` in requests, tokens, nano-units of `currency`, or places of requests under way.

    `priority` is the class whose share it is, "" for all of it. `full` is when all is there again if nobody asks.
    """

    quota: str
    scope: str
    value: str
    model: str
    priority: str
    unit: Unit
    currency: str
    period_seconds: int
    limit: str
    left: str
    full: datetime | None


class QuotaPage(Shown):
    items: list[QuotaShown]
    next: str | None


def top_up_shown(top_up: TopUp) -> TopUpShown:
    currency, _, budget = top_up.budget.partition("/")
    key = AccountKey.parse(f"{currency}//{budget}")
    return TopUpShown(
        id=top_up.id,
        budget=key.rule,
        scope=key.scope,
        value=key.value,
        model=key.model,
        amount_nano=str(top_up.amount_nano),
        currency=key.currency,
        begins=moment(top_up.begins_unix_nano // NANO),
        ends=moment(top_up.ends_unix_nano // NANO),
        actor=top_up.actor,
        reason=top_up.reason,
    )


def balance_shown(balance: Balance) -> BalanceShown:
    return BalanceShown(
        budget=balance.rule,
        scope=balance.scope,
        value=balance.value,
        model=balance.model,
        period=balance.period,
        hard=balance.is_hard,
        currency=balance.currency,
        limit_nano=str(balance.limit_nano),
        carried_nano=str(balance.carried_nano),
        topped_up_nano=str(balance.topped_up_nano),
        posted_nano=str(balance.posted_nano),
        held_nano=str(balance.held_nano),
        left_nano=str(balance.left_nano),
        ends=time_of((balance.ends_unix_nano or 0) / NANO),
    )


def quota_shown(level: QuotaLevel) -> QuotaShown:
    return QuotaShown(
        quota=level.rule,
        scope=level.scope,
        value=level.value,
        model=level.model,
        priority=level.priority,
        unit=level.unit,
        currency=level.currency,
        period_seconds=level.period_seconds,
        limit=str(level.limit),
        left=str(level.left),
        full=time_of(level.full_unix_seconds or 0),
    )
