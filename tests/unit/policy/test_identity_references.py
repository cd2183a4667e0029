"""Rules of access.yaml that can never grant anything, and front ends whose people would have several accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.exchange import CredentialClass, Endpoint
from gateway_ext.identity.access import AccessRule
from gateway_ext.identity.rules import FrontEnd
from gateway_ext.policy.loader import load_policy, read_policy

FRONT_END = (
    "front_ends:\n  chat-ui: {issuer: service, people: company, asserts: {subject: x-user-email, purpose: x-purpose}}\n"
)
REST = '  - {name: rest, models: ["*"]}\n'


def warnings(policy_dir: Path) -> list[tuple[str, int, str]]:
    return [(each.file, each.line, each.message) for each in read_policy(policy_dir).warnings]


@pytest.mark.parametrize(
    ("rule", "telling"),
    [
        ("models: [nothing]", "'nothing' matches no model"),
        ("models: [local], tiers: [frontier]", "is in these tiers"),
        ("models: [local], endpoints: [/v1/messages]", "speaks the dialect of these endpoints"),
        ('models: ["*"], endpoints: [/v1/messages], tiers: [frontier]', "speaks the dialect of these endpoints"),
        ('models: ["*"], credential_classes: [personal]', "no issuer of identity.yaml is of class personal"),
        ('models: ["*"], environments: [production]', "callers with such a 'environment'"),
        ('models: ["*"], applications: [crm]', "callers with such a 'application'"),
        ('models: ["*"], projects: [atlas]', "callers with such a 'project'"),
        ('models: ["*"], purposes: [research]', "callers with such a 'purpose'"),
        ('models: ["*"], groups: [staff], credential_classes: [service]', "callers with such a 'groups'"),
        ('models: ["*"], teams: [sales], credential_classes: [service]', "callers with such a 'team'"),
    ],
)
def test_a_rule_that_can_grant_nothing_is_a_warning(rule: str, telling: str, policy_dir: Path) -> None:
    (policy_dir / "access.yaml").write_text(f"access:\n  - {{name: odd, {rule}}}\n{REST}")
    ((file, line, message),) = warnings(policy_dir)
    assert (file, line) == ("access.yaml", 2)
    assert telling in message


@pytest.mark.parametrize(
    "rule",
    [
        'models: ["*"], tiers: [open-eu], endpoints: [/v1/chat/completions]',
        "models: [local], groups: [staff]",
        "models: [local], teams: [apps], credential_classes: [service]",  # by default
        'models: ["*"], purposes: [research]',  # as the front end says
    ],
)
def test_a_rule_that_can_grant_something_is_none(rule: str, policy_dir: Path) -> None:
    identity = policy_dir / "identity.yaml"
    text = identity.read_text().replace("class: sso,", "class: sso, lowercase: [subject],")
    identity.write_text(text + FRONT_END)
    (policy_dir / "access.yaml").write_text(f"access:\n  - {{name: fine, {rule}}}\n{REST}")
    assert warnings(policy_dir) == []


def test_addresses_of_which_two_spellings_are_two_accounts(policy_dir: Path) -> None:
    with (policy_dir / "identity.yaml").open("a") as file:
        file.write(FRONT_END)
    ((name, line, message),) = warnings(policy_dir)
    assert (name, line) == ("identity.yaml", 5)
    assert "add 'lowercase: [subject, email]' to issuer 'company'" in message


def test_what_is_written_is_what_is_judged_by(policy_dir: Path) -> None:
    with (policy_dir / "identity.yaml").open("a") as file:
        file.write(FRONT_END + "  portal: {issuer: service, subject: The Portal, people: company, required: false,\n")
        file.write("    asserts: {subject: x-user, team: x-team}, percent_encoded: [team]}\n")
    (policy_dir / "access.yaml").write_text(
        'access:\n  - {name: a, models: ["*"], environments: [e], applications: [a], projects: [p], purposes: [u],\n'
        "     credential_classes: [service], endpoints: [/v1/embeddings], tiers: [open-eu]}\n"
    )
    identity = load_policy(policy_dir).identity
    assert identity.front_ends == {
        ("service", "chat-ui"): FrontEnd(
            "chat-ui", "service", "chat-ui", "company", {"subject": "x-user-email", "purpose": "x-purpose"}
        ),
        ("service", "The Portal"): FrontEnd(
            "portal",
            "service",
            "The Portal",
            "company",
            {"subject": "x-user", "team": "x-team"},
            is_required=False,
            percent_encoded=frozenset({"team"}),
        ),
    }
    assert identity.user_headers == {"x-user-email", "x-purpose", "x-user", "x-team"}
    (rule,) = identity.access
    assert rule == AccessRule(
        "a",
        ("*",),
        environments=frozenset({"e"}),
        applications=frozenset({"a"}),
        projects=frozenset({"p"}),
        purposes=frozenset({"u"}),
        credential_classes=frozenset({CredentialClass.SERVICE}),
        endpoints=frozenset({Endpoint.EMBEDDINGS}),
        tiers=frozenset({"open-eu"}),
    )
