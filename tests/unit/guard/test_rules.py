from __future__ import annotations

import pytest

from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.guard.rules import Direction, Scope

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
        (Scope(directions=frozenset({Direction.REQUEST})), True),
        (Scope(directions=frozenset({Direction.RESPONSE})), False),
    ],
)
def test_a_scope_covers_whom_it_names(scope: Scope, covers: bool) -> None:
    assert scope.covers(ADA, TIERS, Direction.REQUEST) is covers


def test_a_rule_for_tiers_never_covers_a_model_without_deployments() -> None:
    assert not Scope(tiers=named({"open-eu"})).covers(ADA, frozenset(), Direction.REQUEST)
