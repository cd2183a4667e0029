"""What budgets.yaml and models.yaml say of quotas, classes and smaller models becomes rules of the same meaning."""

from __future__ import annotations

from pathlib import Path

from gateway_ext.budget.priorities import Priority, PriorityClass, PriorityRule, PriorityRules
from gateway_ext.budget.rules import QuotaRule, Scope
from gateway_ext.exchange import CredentialClass
from gateway_ext.policy.loader import load_policy
from gateway_ext.quota import Unit

BUDGETS = """
currency: EUR
timezone: Europe/Paris
budgets: [{name: per-user, scope: user, amount: 20}]
quotas:
  - {name: requests, scope: user, match: "*@example.com", unit: requests, limit: 60, per: minute, only_answered: true}
  - {name: tokens, scope: team, models: ["a*"], per_model: true, unit: tokens, limit: 400000, per: hour}
  - {name: money, scope: organisation, unit: money, limit: 2.5, per: day}
  - {name: streams, scope: credential, unit: concurrent, limit: 4}
"""
PRIORITIES = """
priorities:
  interactive: {weight: 8, wait_ms_max: 1500}
  batch: {share_percent: 50}
  assign:
    - {priority: batch, purposes: [nightly], credential_classes: [service]}
    - {priority: interactive, groups: [staff], applications: [chat]}
"""


def test_quotas_mean_what_they_say(policy_dir: Path) -> None:
    (policy_dir / "budgets.yaml").write_text(BUDGETS)
    assert load_policy(policy_dir).budget.quotas == (
        QuotaRule("requests", Scope.USER, "*@example.com", Unit.REQUESTS, 60, 60, only_answered=True),
        QuotaRule("tokens", Scope.TEAM, "*", Unit.TOKENS, 400_000, 3_600, ("a*",), per_model=True),
        QuotaRule("money", Scope.ORGANISATION, "*", Unit.MONEY, 2_500_000_000, 86_400),
        QuotaRule("streams", Scope.CREDENTIAL, "*", Unit.CONCURRENT, 4, 0),
    )


def test_classes_mean_what_they_say(policy_dir: Path) -> None:
    (policy_dir / "budgets.yaml").write_text(BUDGETS + PRIORITIES)
    assert load_policy(policy_dir).budget.priorities == PriorityRules(
        (
            PriorityClass(Priority.INTERACTIVE, 8, 1.5, 100),
            PriorityClass(Priority.STANDARD, 1, 0.0, 100),
            PriorityClass(Priority.BATCH, 1, 0.0, 50),
        ),
        (
            PriorityRule(
                Priority.BATCH,
                purposes=frozenset({"nightly"}),
                credential_classes=frozenset({CredentialClass.SERVICE}),
            ),
            PriorityRule(Priority.INTERACTIVE, frozenset({"staff"}), frozenset({"chat"})),
        ),
    )


def test_a_policy_without_any_has_none(policy_dir: Path) -> None:
    budget = load_policy(policy_dir).budget
    assert budget.quotas == ()
    assert {each.wait_seconds for each in budget.priorities.classes} == {0.0}


def test_models_may_degrade_in_several_steps(policy_dir: Path) -> None:
    path = policy_dir / "models.yaml"
    price = "deployments: [{provider: us, price: {input: 1, output: 1}}]"
    names = {"large": "degrade_to: middle, ", "middle": "degrade_to: small, ", "small": ""}
    path.write_text("models:\n" + "".join(f"  {name}: {{{more}{price}}}\n" for name, more in names.items()))
    models = load_policy(policy_dir).routing.models
    assert {name: model.degrade_to for name, model in models.items()} == {
        "large": "middle",
        "middle": "small",
        "small": "",
    }
