"""What each account of a budget has left in the period under way. Pure; a ledger says what was spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import BudgetRule, TopUp
from gateway_ext.budget.spending import Look, Spent


@dataclass(frozen=True, slots=True)
class Balance:
    """An account by the rule of today's policy. `left_nano` is negative when more was spent than is allowed now.

    `ends_unix_nano` is when the period ends; None: never, or it rolls.
    """

    rule: str
    scope: str
    value: str
    model: str
    period: str
    currency: str
    is_hard: bool
    limit_nano: int
    carried_nano: int
    topped_up_nano: int
    posted_nano: int
    held_nano: int
    ends_unix_nano: int | None

    @property
    def left_nano(self) -> int:
        return self.limit_nano + self.carried_nano + self.topped_up_nano - self.posted_nano - self.held_nano


def balance(rule: BudgetRule, currency: str, look: Look, spent: Spent, added_nano: Mapping[str, int]) -> Balance:
    """Of `rule`, what `spent` tells of `look`. `added_nano` is `topped_up` at the same moment."""
    key = AccountKey.parse(f"{currency}//{spent.budget}")
    return Balance(
        rule=rule.name,
        scope=key.scope,
        value=key.value,
        model=key.model,
        period=look.period,
        currency=currency,
        is_hard=rule.is_hard,
        limit_nano=rule.limit_nano,
        carried_nano=spent.carried_nano,
        topped_up_nano=added_nano.get(f"{currency}/{spent.budget}", 0),
        posted_nano=spent.posted_nano,
        held_nano=spent.held_nano,
        ends_unix_nano=look.ends_unix_nano,
    )


def topped_up(top_ups: Iterable[TopUp], now_unix_nano: int) -> Mapping[str, int]:
    """What is granted on top at this moment, by budget (TopUp.budget)."""
    sums: dict[str, int] = {}
    for each in top_ups:
        if each.begins_unix_nano <= now_unix_nano < each.ends_unix_nano:
            sums[each.budget] = sums.get(each.budget, 0) + each.amount_nano
    return sums
