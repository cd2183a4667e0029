from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.facts import guard_facts
from gateway_ext.conditions.vocabulary import GUARD
from gateway_ext.errors import ConditionFailed
from gateway_ext.exchange import CredentialClass, Endpoint, Principal, Prompt
from gateway_ext.guard.policy import Allowance, GuardPolicy, rules_for_answers
from gateway_ext.guard.rules import Action, DetectorRule, Direction, GuardRules, Override, RuleChange, Scope

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


def policy(*overrides: Override, allowances: tuple[Allowance, ...] = ()) -> GuardPolicy:
    unchanged = Override("responses", Scope(), {}, {})
    return GuardPolicy(BASE, rules_for_answers(BASE, unchanged), overrides, allowances)


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


def test_the_score_of_a_model_is_enforced_by_its_own_name_only() -> None:
    block = RuleChange(Action.BLOCK, sovereign=True)
    by_class = policy(Override("x", Scope(), {"injection": block}, {})).for_request(ADA, TIERS, 0)
    assert by_class.rule("injection_override", "injection").action is Action.BLOCK
    assert by_class.rule("injection_model", "injection") == DetectorRule(Action.LOG, sovereign=True)
    by_name = policy(Override("x", Scope(), {}, {"injection_model": block})).for_request(ADA, TIERS, 0)
    assert by_name.rule("injection_model", "injection").action is Action.BLOCK


def test_answers_have_the_rules_of_requests_and_what_differs_for_them() -> None:
    differs = Override("responses", Scope(), {"secret": RuleChange(Action.REDACT)}, {"phone": RuleChange(Action.BLOCK)})
    changed = GuardPolicy(BASE, rules_for_answers(BASE, differs))
    rules = changed.for_response(ADA, TIERS, 0)
    assert rules.rule("aws_key", "secret").action is Action.REDACT
    assert rules.rule("phone", "personal").action is Action.BLOCK
    assert rules.rule("email", "personal").action is Action.REDACT
    assert changed.for_request(ADA, TIERS, 0) is BASE


def test_an_override_for_one_direction_leaves_the_other_alone() -> None:
    override = Override(
        "answers", Scope(directions=frozenset({Direction.RESPONSE})), {"secret": RuleChange(Action.LOG)}, {}
    )
    assert policy(override).for_response(ADA, TIERS, 0).rule("aws_key", "secret").action is Action.LOG
    assert policy(override).for_request(ADA, TIERS, 0).rule("aws_key", "secret").action is Action.BLOCK


def test_an_override_has_the_last_word_on_answers_too() -> None:
    differs = Override("responses", Scope(), {"secret": RuleChange(Action.LOG)}, {})
    override = Override("strict", Scope(), {"secret": RuleChange(Action.BLOCK)}, {})
    rules = GuardPolicy(BASE, rules_for_answers(BASE, differs), (override,)).for_response(ADA, TIERS, 0)
    assert rules.rule("aws_key", "secret").action is Action.BLOCK


def test_answers_are_not_pseudonymized() -> None:
    assert not policy().for_response(ADA, TIERS, 0).can_restore
    assert not policy().for_request(ADA, TIERS, 0, can_restore=False).can_restore
    assert policy().for_request(ADA, TIERS, 0).can_restore


def test_an_override_applies_while_its_condition_holds() -> None:
    block = RuleChange(Action.BLOCK)
    condition = compile_condition("request.model == 'assistant' && caller.team == 'hr'", GUARD)
    override = Override("x", Scope(), {"personal": block}, {}, when=condition)
    prompt = Prompt(Endpoint.CHAT_COMPLETIONS, "assistant", {}, (), False, False, None, 1, 9)

    def actions(model: str) -> set[Action]:
        facts = partial(guard_facts, ADA, model, prompt, 0)
        both = (policy(override).for_request(ADA, TIERS, 0, facts), policy(override).for_response(ADA, TIERS, 0, facts))
        return {rules.rule("iban", "personal").action for rules in both}

    assert actions("assistant") == {Action.BLOCK}
    assert actions("other") == {Action.REDACT}


def test_without_facts_a_condition_refuses() -> None:
    condition = compile_condition("request.model == 'assistant'", GUARD, rule="override:x")
    override = Override("x", Scope(), {}, {}, when=condition)
    with pytest.raises(ConditionFailed) as caught:
        policy(override).for_request(ADA, TIERS, 0)
    assert caught.value.rules == ("override:x",)
    elsewhere = replace(override, scope=Scope(teams=frozenset({"sales"})))
    assert policy(elsewhere).for_request(ADA, TIERS, 0).overrides == ()
