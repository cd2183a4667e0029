from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.budget.priorities import Priority, PriorityClass, PriorityRule, PriorityRules
from gateway_ext.exchange import CredentialClass, Principal

ADA = Principal("ada@example.com", "person", "company", CredentialClass.SSO, "c1", groups=frozenset({"staff"}))
SERVICE = frozenset({CredentialClass.SERVICE})
RULES = PriorityRules(
    (PriorityClass(Priority.BATCH, 1, 2.0, 50),),
    (
        PriorityRule(Priority.BATCH, purposes=frozenset({"nightly"}), credential_classes=SERVICE),
        PriorityRule(Priority.INTERACTIVE, groups=frozenset({"staff", "guests"})),
        PriorityRule(Priority.BATCH, applications=frozenset({"reports"})),
    ),
)
ROBOT = replace(ADA, groups=frozenset(), credential_class=CredentialClass.SERVICE)


@pytest.mark.parametrize(
    ("principal", "priority"),
    [
        (ADA, Priority.INTERACTIVE),
        (replace(ADA, application="reports"), Priority.INTERACTIVE),  # the first that matches
        (ROBOT, Priority.STANDARD),
        (replace(ROBOT, purpose="nightly"), Priority.BATCH),
        (replace(ADA, groups=frozenset(), purpose="nightly"), Priority.STANDARD),  # all conditions
        (replace(ROBOT, application="reports"), Priority.BATCH),
    ],
)
def test_the_first_rule_whose_conditions_all_hold_counts(principal: Principal, priority: Priority) -> None:
    assert RULES.of(principal).priority is priority


def test_a_class_that_policy_does_not_describe_neither_waits_nor_is_limited() -> None:
    assert RULES.of(ADA) == PriorityClass(Priority.INTERACTIVE, 1, 0.0, 100)
    assert RULES.of(replace(ROBOT, application="reports")) == PriorityClass(Priority.BATCH, 1, 2.0, 50)
