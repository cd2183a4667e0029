from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.policy.loader import read_policy

AGREEMENT = 'agreements:\n  gate: {version: "1", title: T, accepted_by: %s}\n'


def warned(policy_dir: Path, agreement: str) -> list[str]:
    (policy_dir / "agreements.yaml").write_text(AGREEMENT % agreement)
    return [each.message for each in read_policy(policy_dir).warnings if each.file == "agreements.yaml"]


@pytest.mark.parametrize(
    "agreement",
    [
        "person",
        "team",
        "person, when: {teams: [hr], groups: [staff], credential_classes: [sso]}",
        "team, when: {credential_classes: [service]}",
    ],
)
def test_what_somebody_can_be_asked_for_and_accept_is_not_warned_of(policy_dir: Path, agreement: str) -> None:
    assert warned(policy_dir, agreement) == []


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ("purposes: [hr-screening]", "purpose"),
        ("applications: [screening]", "application"),
        ("environments: [production]", "environment"),
        ("credential_classes: [service], groups: [staff]", "groups"),
    ],
)
def test_a_gate_that_never_closes_is_told(policy_dir: Path, condition: str, field: str) -> None:
    (message,) = warned(policy_dir, f"team, when: {{{condition}}}")
    assert message == f"no issuer of identity.yaml tells the '{field}' of its callers, so nobody is asked for 'gate'"


@pytest.mark.parametrize("condition", ["credential_classes: [personal]", "credential_classes: [service]"])
def test_an_agreement_for_people_where_there_are_none_is_told(policy_dir: Path, condition: str) -> None:
    (message,) = warned(policy_dir, f"person, when: {{{condition}}}")
    assert "has callers whom 'gate' concerns, so nobody is asked" in message


def test_a_team_s_agreement_where_nobody_has_a_team_is_told(policy_dir: Path) -> None:
    identity = policy_dir / "identity.yaml"
    identity.write_text(identity.read_text().replace(", defaults: {team: apps}", ""))
    (message,) = warned(policy_dir, "team, when: {credential_classes: [service]}")
    assert "whoever is asked is refused" in message
