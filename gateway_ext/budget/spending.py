"""What to ask a ledger for to learn who has spent how much of a budget. Pure; each store answers it in its own way.

Accounts are looked for by the beginning of their keys, and only those that have spent enough to be of interest: what a look
costs depends on these, not on how many accounts and past periods there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import BudgetRule
from gateway_ext.budget.scopes import percent_encoded
from gateway_ext.budget.windows import Calendar, Period, period
from gateway_ext.limits import NANO


@dataclass(frozen=True, slots=True)
class Look:
    """The accounts of one budget in one period: keys from `low` on and below `high`, in the order of their bytes.

    From character `at` (from 1) on, each key is `budget` and a value. Of a rolling window (`is_rolling`) all buckets of a
    value count together. Times are nanoseconds since 1970, None where there is none.
    """

    low: str
    high: str
    at: int
    budget: str
    period: str
    is_rolling: bool
    begins_unix_nano: int | None
    ends_unix_nano: int | None


class Spent(NamedTuple):
    """`budget` names rule, scope and value, as AccountKey.budget does."""

    budget: str
    posted_nano: int
    held_nano: int
    carried_nano: int


def looks(rule: BudgetRule, currency: str, now_unix_nano: int, late_seconds: int) -> list[Look]:
    """The period under way, and the one before it for `late_seconds` after its end: requests end late, looks fail."""
    current = period(rule.window, now_unix_nano)
    if rule.window.calendar is Calendar.ROLLING:
        return [_rolling(rule, currency, current)]
    found = [_look(rule, currency, current, now_unix_nano)]
    ago = current.began_seconds_ago
    if ago is not None and ago < late_seconds:
        end_unix_nano = (now_unix_nano // NANO - ago) * NANO
        found.append(_look(rule, currency, period(rule.window, end_unix_nano - NANO), end_unix_nano - NANO))
    return found


def narrowed(look: Look, value: str) -> Look:
    """To `value`, and to others that begin as it does: `is_of` tells them apart."""
    encoded = percent_encoded(value)
    if look.is_rolling:
        return replace(look, budget=look.budget + encoded)
    return replace(look, low=look.low + encoded, high=_after(f"{look.low}{encoded}/"))


def is_of(spent: Spent, look: Look, value: str) -> bool:
    """Whether it is the account of `value`, or one of its for a model, in what `look` (not narrowed) is about."""
    own = look.budget + percent_encoded(value)
    return spent.budget == own or spent.budget.startswith(f"{own}/")


def _look(rule: BudgetRule, currency: str, of: Period, at_unix_nano: int) -> Look:
    prefix = str(AccountKey(currency, of.key, rule.name, rule.scope, ""))
    budget = AccountKey(currency, of.key, rule.name, rule.scope, "").budget
    second = at_unix_nano // NANO
    begins = None if of.began_seconds_ago is None else (second - of.began_seconds_ago) * NANO
    ends = None if of.ends_in_seconds is None else (second + of.ends_in_seconds) * NANO
    return Look(prefix, _after(prefix), len(prefix) - len(budget) + 1, budget, of.key, False, begins, ends)


def _rolling(rule: BudgetRule, currency: str, of: Period) -> Look:
    buckets = sorted((*of.others, of.key))
    low = str(AccountKey(currency, buckets[0], "", "", "")).removesuffix("//")
    high = str(AccountKey(currency, buckets[-1], "", "", "")).removesuffix("//")
    budget = AccountKey(currency, of.key, rule.name, rule.scope, "").budget
    return Look(low, _after(high), len(low) + 1, budget, str(rule.window), True, None, None)


def _after(prefix: str) -> str:
    """The first text behind all that begin with `prefix`, which ends with '/'."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
