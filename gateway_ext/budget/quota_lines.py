"""Which quotas a request must fit in, and how much of each it takes before it is sent."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from gateway_ext.budget.priorities import PriorityClass
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.rules import BudgetRules, QuotaRule, Scope
from gateway_ext.budget.scopes import concerns, percent_encoded, scope_value
from gateway_ext.exchange import Estimate, Principal
from gateway_ext.quota import Unit

_OWN = (Scope.USER, Scope.CREDENTIAL, Scope.AGENT_RUN)  # what nobody else can be short of


def quota_lines(
    rules: BudgetRules, principal: Principal, model: str, estimate: Estimate, amount_nano: int, agent_run: str = ""
) -> tuple[QuotaLine, ...]:
    """Those of all rules that match, in policy's order. Tokens and money (`amount_nano`) count by their upper bounds."""
    priority = rules.priorities.of(principal)
    found = []
    for rule in rules.quotas:
        value = scope_value(rule.scope, principal, rules, agent_run)
        if value and fnmatchcase(value, rule.match) and concerns(rule.models, model):
            line = QuotaLine(
                _key(rule, value, model, rules.currency),
                rule.name,
                rule.unit,
                rule.limit,
                rule.period_seconds,
                _amount(rule.unit, estimate, amount_nano),
                rule.only_answered,
                rule.scope not in _OWN,
            )
            found.append(line)
            if line.is_shared and priority.share_percent < 100:
                found.append(_share(line, priority))
    return tuple(found)


def _share(line: QuotaLine, priority: PriorityClass) -> QuotaLine:
    """A quota of the class's own within that of `line`."""
    limit = share_limit(line.limit, priority.share_percent)
    return replace(line, key=f"{line.key}/{priority.priority}", limit=limit)


def share_limit(limit: int, share_percent: int) -> int:
    """What a class may use of a quota of `limit`."""
    return max(1, limit * share_percent // 100)


def _amount(unit: Unit, estimate: Estimate, amount_nano: int) -> int:
    match unit:
        case Unit.TOKENS:
            return estimate.input_tokens + estimate.output_tokens
        case Unit.MONEY:
            return amount_nano
    return 1


def _key(rule: QuotaRule, value: str, model: str, currency: str) -> str:
    """What a quota is for.

    Its period is a part, for the state is a moment up to one period ahead; its limit is not, so it may be changed.
    """
    parts = (
        counted_in(rule, currency),
        str(rule.period_seconds),
        rule.name,
        rule.scope,
        value,
        *((model,) if rule.per_model else ()),
    )
    return "/".join(map(percent_encoded, parts))


def counted_in(rule: QuotaRule, currency: str) -> str:
    """What its key says of its unit: sums of two currencies mean nothing."""
    return currency if rule.unit is Unit.MONEY else rule.unit
