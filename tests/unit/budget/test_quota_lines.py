from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.budget.priorities import Priority, PriorityClass, PriorityRule, PriorityRules
from gateway_ext.budget.quota_lines import quota_lines
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.rules import BudgetRules, QuotaRule, Scope
from gateway_ext.exchange import CredentialClass, Estimate, Principal
from gateway_ext.quota import Unit

ADA = Principal("ada@example.com", "person", "company", CredentialClass.PERSONAL, "c1", team="engines/a")
REQUESTS = QuotaRule("all", Scope.USER, "*", Unit.REQUESTS, 60, 60)
RULES = BudgetRules("EUR", 900, (), {}, quotas=(REQUESTS,))
ESTIMATE = Estimate(input_tokens=400, output_tokens=100)


def lines(*quotas: QuotaRule, principal: Principal = ADA, model: str = "large") -> tuple[QuotaLine, ...]:
    return quota_lines(replace(RULES, quotas=quotas), principal, model, ESTIMATE, 7_000)


def test_all_that_match_apply_in_policys_order() -> None:
    found = lines(
        replace(REQUESTS, name="tokens", scope=Scope.TEAM, unit=Unit.TOKENS, limit=1_000),
        replace(REQUESTS, name="others", match="bob@*"),
        replace(REQUESTS, name="no-project", scope=Scope.PROJECT),
        replace(REQUESTS, name="small", models=("small*",)),
        replace(REQUESTS, name="large", models=("small*", "lar*"), only_answered=True),
        replace(REQUESTS, name="money", unit=Unit.MONEY, period_seconds=3_600),
        replace(REQUESTS, name="streams", unit=Unit.CONCURRENT, period_seconds=0),
    )
    assert [(line.rule, line.amount, line.only_answered) for line in found] == [
        ("tokens", 500, False),
        ("large", 1, True),
        ("money", 7_000, False),
        ("streams", 1, False),
    ]


def test_a_key_tells_all_that_makes_another_bucket_and_nothing_else() -> None:
    changes = [
        {"name": "other"},
        {"scope": Scope.CREDENTIAL},
        {"scope": Scope.TEAM},
        {"unit": Unit.TOKENS},
        {"unit": Unit.MONEY},
        {"period_seconds": 3_600},
        {"per_model": True},
    ]
    keys = [lines(replace(REQUESTS, **change))[0].key for change in ({}, *changes)]  # type: ignore[arg-type]  # of all kinds
    assert len(set(keys)) == len(keys)
    assert lines(replace(REQUESTS, limit=5))[0].key == keys[0]
    assert lines(REQUESTS, model="small")[0].key == keys[0]
    assert lines(replace(REQUESTS, per_model=True), model="small")[0].key != keys[-1]


def test_a_class_with_a_share_has_a_part_of_what_is_shared_and_all_of_its_own() -> None:
    batch = PriorityClass(Priority.BATCH, share_percent=10)
    rules = replace(
        RULES,
        quotas=(REQUESTS, replace(REQUESTS, name="team", scope=Scope.TEAM), replace(REQUESTS, scope=Scope.CREDENTIAL)),
        priorities=PriorityRules((batch,), (PriorityRule(Priority.BATCH, groups=frozenset({"nightly"})),)),
    )
    assert [(line.limit, line.is_shared) for line in quota_lines(rules, ADA, "large", ESTIMATE, 1)] == [
        (60, False),
        (60, True),
        (60, False),
    ]
    nightly = replace(ADA, groups=frozenset({"nightly", "others"}))
    found = quota_lines(rules, nightly, "large", ESTIMATE, 1)
    assert [(line.rule, line.limit) for line in found] == [("all", 60), ("team", 60), ("team", 6), ("all", 60)]
    assert found[2].key == f"{found[1].key}/batch"


def test_money_of_another_currency_is_another_bucket() -> None:
    money = replace(REQUESTS, unit=Unit.MONEY)
    (dollars,) = quota_lines(replace(RULES, currency="USD", quotas=(money,)), ADA, "large", ESTIMATE, 1)
    assert dollars.key != lines(money)[0].key


@pytest.mark.parametrize("team", ["engines/a", "engines%2Fa", "engines"])
def test_no_value_can_pretend_to_be_another(team: str) -> None:
    of_team = replace(REQUESTS, scope=Scope.TEAM)
    (line,) = lines(of_team, principal=replace(ADA, team=team))
    assert line.key.count("/") == 4
    assert (line.key == lines(of_team)[0].key) == (team == "engines/a")


def test_a_run_has_quotas_of_its_own_that_nobody_else_is_short_of() -> None:
    rules = replace(RULES, quotas=(replace(REQUESTS, scope=Scope.AGENT_RUN),))
    (line,) = quota_lines(rules, ADA, "large", ESTIMATE, 1, "run-1")
    (other,) = quota_lines(rules, replace(ADA, subject="bob"), "large", ESTIMATE, 1, "run-1")
    assert not line.is_shared
    assert line.key != other.key
    assert quota_lines(rules, ADA, "large", ESTIMATE, 1) == ()
