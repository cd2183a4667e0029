from __future__ import annotations

import pytest

from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.guard.rules import (
    Action,
    Allowance,
    DetectorRule,
    GuardPolicy,
    GuardRules,
    Override,
    RuleChange,
    Scope,
)

ADA = Principal(
    "ada@example.eu",
    "person",
    "company",
    CredentialClass.SSO,
    "c1",
    team="hr",
    application="portal",
    groups=frozenset({"staff", "leads"}),
)
TIERS = frozenset({"frontier", "open-eu"})
BASE = GuardRules(
    classes={"personal": DetectorRule(Action.REDACT, sovereign=True), "secret": DetectorRule(Action.BLOCK)},
    detectors={"phone": DetectorRule(Action.LOG)},
    deadline_seconds=1.0,
)


def named(values: set[str]) -> frozenset[str]:
    return frozenset(values)


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        (Scope(teams=named({"hr", "it"})), True),
        (Scope(teams=named({"it"})), False),
        (Scope(groups=named({"leads"})), True),
        (Scope(groups=named({"board"})), False),
        (Scope(subjects=named({"ada@example.eu"})), True),
        (Scope(subjects=named({"bob@example.eu"})), False),
        (Scope(applications=named({"portal"})), True),
        (Scope(applications=named({"ide"})), False),
        (Scope(credential_classes=named({"sso"})), True),
        (Scope(credential_classes=named({"service"})), False),
        (Scope(tiers=named({"frontier", "open-eu", "on-prem"})), True),
        (Scope(tiers=named({"open-eu"})), False),  # the model may also be served from elsewhere
        (Scope(teams=named({"hr"}), groups=named({"board"})), False),  # all must hold
        (Scope(roles=named({"tool"})), True),  # decided text by text
    ],
)
def test_a_scope_covers_whom_it_names(scope: Scope, covers: bool) -> None:
    assert scope.covers(ADA, TIERS) is covers


def test_a_rule_for_tiers_never_covers_a_model_without_deployments() -> None:
    assert not Scope(tiers=named({"open-eu"})).covers(ADA, frozenset())


def policy(*overrides: Override, allowances: tuple[Allowance, ...] = ()) -> GuardPolicy:
    return GuardPolicy(BASE, overrides, allowances)


def test_overrides_change_only_what_they_name_and_the_last_one_decides() -> None:
    rules = policy(
        Override("hr", Scope(teams=named({"hr"})), {"personal": RuleChange(action=Action.LOG)}, {}),
        Override("leads", Scope(groups=named({"leads"})), {}, {"iban": RuleChange(action=Action.BLOCK)}),
        Override("it", Scope(teams=named({"it"})), {"secret": RuleChange(is_enabled=False)}, {}),
    ).for_request(ADA, TIERS, 0)
    assert rules.rule("email", "personal") == DetectorRule(Action.LOG, sovereign=True)
    assert rules.rule("iban", "personal") == DetectorRule(Action.BLOCK, sovereign=True)
    assert rules.rule("aws_key", "secret") == DetectorRule(Action.BLOCK)


def test_a_detectors_own_change_beats_that_of_its_class() -> None:
    changes = {"personal": RuleChange(action=Action.BLOCK)}, {"phone": RuleChange(sovereign=True)}
    rules = policy(Override("x", Scope(), *changes)).for_request(ADA, TIERS, 0)
    assert rules.rule("phone", "personal") == DetectorRule(Action.LOG, sovereign=True)
    assert rules.rule("email", "personal").action is Action.BLOCK


def test_roles_are_those_of_the_text() -> None:
    override = Override("tools", Scope(roles=named({"tool"})), {"secret": RuleChange(action=Action.LOG)}, {})
    rules = policy(override).for_request(ADA, TIERS, 0)
    assert rules.rule("aws_key", "secret", "tool").action is Action.LOG
    assert rules.rule("aws_key", "secret", "user").action is Action.BLOCK
    assert rules.rule("aws_key", "secret").action is Action.BLOCK


def test_an_unknown_class_stays_blocked_whatever_overrides_say_of_others() -> None:
    override = Override("x", Scope(), {"personal": RuleChange(is_enabled=False)}, {})
    assert policy(override).for_request(ADA, TIERS, 0).rule("new", "unheard-of") == DetectorRule(Action.BLOCK)


def test_allowances_are_for_teams_and_a_time() -> None:
    allowances = (
        Allowance("iban", "a" * 32),
        Allowance("iban", "b" * 32, teams=named({"it"})),
        Allowance("phone", "c" * 32, teams=named({"hr"}), until_unix_nano=10),
    )
    assert policy(allowances=allowances).for_request(ADA, TIERS, 9).allowed == {
        ("iban", "a" * 32),
        ("phone", "c" * 32),
    }
    assert policy(allowances=allowances).for_request(ADA, TIERS, 10).allowed == {("iban", "a" * 32)}


def test_without_overrides_nothing_is_built() -> None:
    assert policy().for_request(ADA, TIERS, 0) is BASE
