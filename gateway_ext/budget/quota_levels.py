"""What is left of each quota that somebody has used. Pure; a ledger says how full the buckets are, policy how large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from gateway_ext.budget.priorities import Priority
from gateway_ext.budget.quota_lines import counted_in, share_limit
from gateway_ext.budget.quotas import QuotaLine, State, left
from gateway_ext.budget.rules import BudgetRules, QuotaRule
from gateway_ext.quota import Unit

_PARTS = 5  # of a key, ahead of a model and of a priority class


@dataclass(frozen=True, slots=True)
class QuotaLevel:
    """A bucket by the rule of today's policy. `limit` and `left` in requests, tokens, nano-units of `currency` or places.

    `priority` is the class whose share this is, "": all of it. `full_unix_seconds` is when all is there again, should no
    request come and none give anything back; None where that is not a matter of time.
    """

    rule: str
    scope: str
    value: str
    model: str
    priority: str
    unit: Unit
    currency: str
    period_seconds: int
    limit: int
    left: int
    full_unix_seconds: int | None


def quota_levels(states: Mapping[str, State], rules: BudgetRules, now_unix_nano: int) -> list[QuotaLevel]:
    """Of `states`, by their keys, those that a rule of policy counts, in the order of their keys."""
    by_name = {rule.name: rule for rule in rules.quotas}
    found = []
    for key in sorted(states):
        parts = [unquote(part, errors="surrogatepass") for part in key.split("/")]
        rule = by_name.get(parts[2]) if len(parts) >= _PARTS else None
        level = None if rule is None else _level(rule, parts, rules)
        if level is not None:
            found.append(_with_state(level, states[key], now_unix_nano))
    return found


def _level(rule: QuotaRule, parts: list[str], rules: BudgetRules) -> QuotaLevel | None:
    """As if it were full. None for a bucket of a rule that has changed since."""
    counted, period, _, scope, value, *rest = parts
    model = rest.pop(0) if rule.per_model and rest else ""
    shares = {each.priority: each.share_percent for each in rules.priorities.classes}
    priority = rest.pop(0) if rest and rest[0] in shares else ""
    is_current = (counted, period, scope) == (
        counted_in(rule, rules.currency),
        str(rule.period_seconds),
        rule.scope.value,
    )
    if rest or not is_current or rule.per_model is not bool(model):
        return None
    limit = share_limit(rule.limit, shares[Priority(priority)]) if priority else rule.limit
    currency = rules.currency if rule.unit is Unit.MONEY else ""
    return QuotaLevel(
        rule.name, scope, value, model, priority, rule.unit, currency, rule.period_seconds, limit, limit, None
    )


def _with_state(level: QuotaLevel, state: State, now_unix_nano: int) -> QuotaLevel:
    line = QuotaLine("", level.rule, level.unit, level.limit, level.period_seconds, amount=0)
    found = left(state, line, now_unix_nano)
    full_unix_seconds = None if level.unit is Unit.CONCURRENT else found.full_unix_seconds
    return replace(level, left=found.left, full_unix_seconds=full_unix_seconds)
