from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.identity.access import matching_rule, usable_models
from gateway_ext.identity.rules import AccessRule, IdentityRules

ADA = Principal(
    subject="ada",
    kind="person",
    issuer="company",
    credential_class=CredentialClass.SSO,
    credential_id="c1",
    team="data",
    groups=frozenset({"llm-users"}),
)


def rules(*access: AccessRule) -> IdentityRules:
    return IdentityRules(issuers={}, access=access)


def test_without_rules_nothing_is_allowed() -> None:
    assert matching_rule(ADA, "small", rules()) is None
    assert usable_models(ADA, ["small"], rules()) == ()


@pytest.mark.parametrize(
    ("rule", "is_allowed"),
    [
        (AccessRule("any", ("*",)), True),
        (AccessRule("pattern", ("sm*",)), True),
        (AccessRule("case", ("SMALL",)), False),
        (AccessRule("group", ("*",), groups=frozenset({"llm-users", "x"})), True),
        (AccessRule("other group", ("*",), groups=frozenset({"x"})), False),
        (AccessRule("team", ("*",), teams=frozenset({"data"})), True),
        (AccessRule("other team", ("*",), teams=frozenset({"sales"})), False),
        (AccessRule("subject", ("*",), subjects=frozenset({"ada"})), True),
        (AccessRule("other subject", ("*",), subjects=frozenset({"eve"})), False),
        (AccessRule("class", ("*",), credential_classes=frozenset({CredentialClass.SERVICE})), False),
        (AccessRule("all", ("*",), groups=frozenset({"llm-users"}), teams=frozenset({"sales"})), False),
    ],
)
def test_all_conditions_of_a_rule_must_hold(rule: AccessRule, is_allowed: bool) -> None:
    assert (matching_rule(ADA, "small", rules(rule)) is not None) == is_allowed


def test_usable_models_are_sorted_and_filtered() -> None:
    access = rules(AccessRule("a", ("b*", "a")))
    assert usable_models(ADA, ["c", "b2", "a", "b1"], access) == ("a", "b1", "b2")


def test_a_narrowed_credential_grants_less_and_never_more() -> None:
    everything, small = rules(AccessRule("any", ("*",))), rules(AccessRule("small", ("small",)))
    narrowed = replace(ADA, models=("sm*",))
    assert usable_models(narrowed, ["small", "large"], everything) == ("small",)
    assert usable_models(replace(ADA, models=("*",)), ["small", "large"], small) == ("small",)
    assert usable_models(replace(ADA, models=()), ["small", "large"], everything) == ()
    assert matching_rule(narrowed, "large", everything) is None
