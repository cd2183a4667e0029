"""What `data_classes` of routing.yaml comes to mean, and which of it is hardly meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.policy.loader import load_policy, read_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.data_classes import SOVEREIGN, UnknownHistory

ALL = {"us/big", "eu/assistant", "own/local"}
ROUTING = """\
tiers: [frontier, open-eu]
sovereign: {tiers: [open-eu], jurisdictions: [FR]}
"""
CLASSES = """\
data_classes:
  classes:
    internal: {}
    personal:
      from: {data_classes: [personal], except: ["ip_*"], labels: [hr data]}
      allow: {at_least: open-eu}
      implies: [internal]
      sticky: true
    health: {from: {detectors: [health_*, guard_timeout], actions: [log]}, allow: {providers: [us, own]}, implies: [personal]}
  default: internal
  defaults: [{class: personal, teams: [hr]}]
"""


def loaded(policy_dir: Path, text: str = CLASSES) -> Snapshot:
    (policy_dir / "routing.yaml").write_text(ROUTING + text)
    return load_policy(policy_dir)


def test_without_data_classes_there_is_what_guard_yaml_marks(policy_dir: Path) -> None:
    rules = loaded(policy_dir, "").routing
    assert list(rules.data_classes) == [SOVEREIGN]
    assert rules.data_classes[SOVEREIGN].clusters == {"eu/assistant", "own/local"}
    assert not rules.classification.sticky


def test_a_class_may_go_where_it_and_all_that_it_implies_allow(policy_dir: Path) -> None:
    classes = loaded(policy_dir).routing.data_classes
    assert classes["internal"].clusters == ALL
    assert classes["personal"].clusters == {"eu/assistant", "own/local"}
    assert classes["health"].clusters == {"own/local"}
    assert classes["health"].implies == {"personal", "internal"}
    assert (classes["personal"].is_sticky, classes["health"].is_sticky) == (True, False)


def test_findings_count_by_class_name_exception_and_action(policy_dir: Path) -> None:
    by_finding = loaded(policy_dir).routing.classification.by_finding
    assert by_finding["iban", "log"] == by_finding["iban", "redact"] == {"personal"}
    assert by_finding["health_card", "log"] == {"personal", "health"}
    assert by_finding["health_card", "redact"] == {"personal"}
    assert by_finding["guard_timeout", "log"] == {"health"}
    assert not {("ip_public", "log"), ("iban", "allowed"), ("iban", "block"), ("jwt", "log")} & by_finding.keys()


def test_what_is_redacted_need_not_count(policy_dir: Path) -> None:
    text = CLASSES.replace("actions: [log]", "actions: [log, redact]") + "  counts_redacted: false\n"
    by_finding = loaded(policy_dir, text).routing.classification.by_finding
    assert ("iban", "redact") not in by_finding
    assert ("iban", "pseudonymize") not in by_finding
    assert by_finding["iban", "log"] == {"personal"}
    assert by_finding["health_card", "redact"] == {"health"}  # its own `actions` come first


def test_detectors_that_policy_makes_can_be_named(policy_dir: Path) -> None:
    (policy_dir / "projects.terms").write_text("Adler\n")
    guard = policy_dir / "guard.yaml"
    guard.write_text(guard.read_text() + "dictionaries: {projects: {terms: projects.terms}}\n")
    text = "data_classes: {classes: {own: {from: {detectors: [dictionary_*]}}}}\n"
    assert loaded(policy_dir, text).routing.classification.by_finding["dictionary_projects", "log"] == {"own"}


def test_labels_are_names_of_classes_and_what_else_is_written(policy_dir: Path) -> None:
    rules = loaded(policy_dir).routing.classification
    assert rules.by_label == {
        "internal": {"internal"},
        "personal": {"personal"},
        "health": {"health"},
        "hr data": {"personal"},
    }
    assert rules.default == "internal"
    assert [(each.name, each.teams) for each in rules.defaults] == [("personal", frozenset({"hr"}))]


def test_it_is_strict_where_nothing_is_written(policy_dir: Path) -> None:
    rules = loaded(policy_dir).routing.classification
    assert (rules.unknown_history, rules.kept_days) == (UnknownHistory.SOVEREIGN, 30)


def test_a_class_that_may_go_nowhere_is_told(policy_dir: Path) -> None:
    loaded(policy_dir, "data_classes: {classes: {own: {allow: {certifications: [HDS]}}}}\n")
    (warning,) = read_policy(policy_dir).warnings
    assert (warning.file, warning.line, warning.column) == ("routing.yaml", 3, 32)
    assert warning.message == "no deployment may see content that is own, so it will be refused"


FRONT_END = """
front_ends:
  chat-ui:
    issuer: service
    people: company
    asserts: {subject: x-user}
    labels_header: x-data-class
    conversation_header: x-chat-id
"""


@pytest.mark.parametrize("is_understood", [False, True])
def test_labels_that_nobody_understands_are_told(policy_dir: Path, is_understood: bool) -> None:
    identity = policy_dir / "identity.yaml"
    identity.write_text(identity.read_text() + FRONT_END)
    identity_rules = loaded(policy_dir, CLASSES if is_understood else "").identity
    assert identity_rules.user_headers == {"x-user", "x-data-class", "x-chat-id"}
    messages = [each.message for each in read_policy(policy_dir).warnings]
    assert ("routing.yaml has no 'data_classes', so every label will be refused" in messages) != is_understood
