"""From the shapes of quotas and priorities to the rules that the ledger and the waiting lines go by."""

from __future__ import annotations

from gateway_ext.budget.priorities import Priority, PriorityClass, PriorityRule, PriorityRules
from gateway_ext.budget.rules import QuotaRule
from gateway_ext.limits import NANO
from gateway_ext.policy.quotas_schema import Priorities, Quota
from gateway_ext.quota import Unit

_PERIOD_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


def quota_rule(written: Quota) -> QuotaRule:
    """One quota."""
    return QuotaRule(
        name=written.name,
        scope=written.scope,
        match=written.match,
        unit=written.unit,
        limit=written.limit if written.unit is Unit.MONEY else written.limit // NANO,
        period_seconds=_PERIOD_SECONDS[written.per] if written.per else 0,
        models=written.models,
        per_model=written.per_model,
        only_answered=written.only_answered,
    )


def priority_rules(written: Priorities) -> PriorityRules:
    """Classes, and who is of which."""
    classes = {
        Priority.INTERACTIVE: written.interactive,
        Priority.STANDARD: written.standard,
        Priority.BATCH: written.batch,
    }
    return PriorityRules(
        classes=tuple(
            PriorityClass(priority, each.weight, each.wait_ms_max / 1_000, each.share_percent)
            for priority, each in classes.items()
        ),
        rules=tuple(
            PriorityRule(
                each.priority,
                frozenset(each.groups),
                frozenset(each.applications),
                frozenset(each.purposes),
                frozenset(each.credential_classes),
            )
            for each in written.assign
        ),
    )
