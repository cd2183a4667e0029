"""audit.yaml: how long records are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.audit.rules import AuditRules, EventGroup, Principals, RetentionRules
from gateway_ext.policy.loader import load_policy


def test_days_of_classes_and_groups(policy_dir: Path) -> None:
    retention = load_policy(policy_dir).audit.retention
    assert retention.of_classes([]) == retention.of_classes(["personal"]) == 365
    assert retention.of_classes(["sovereign"]) == 30
    assert retention.of_classes(["sovereign", "personal"]) == 365
    assert retention.of_group(EventGroup.ADMINISTRATION) == 3650
    assert retention.of_group(EventGroup.REFUSALS) == 365
    assert (retention.shortest_days, retention.of_unknown()) == (30, 365)


def test_without_the_file_all_records_are_kept_400_days(policy_dir: Path) -> None:
    before = load_policy(policy_dir)
    (policy_dir / "audit.yaml").unlink()
    after = load_policy(policy_dir)
    assert after.audit == AuditRules()
    assert after.audit.retention == RetentionRules(days=400)
    assert after.audit.retention.shortest_days == after.audit.retention.of_unknown() == 400
    assert after.digest != before.digest


@pytest.mark.parametrize("days", [184, 400, 36_500])
def test_the_floor_may_be_met(policy_dir: Path, days: int) -> None:
    (policy_dir / "audit.yaml").write_text(f"retention: {{days: {days}}}\n")
    assert load_policy(policy_dir).audit.retention.days == days


def test_people_are_named_in_plain_unless_policy_says_otherwise(policy_dir: Path) -> None:
    assert load_policy(policy_dir).audit.principals is Principals.PLAIN
    (policy_dir / "audit.yaml").write_text("principals: pseudonymous\n")
    assert load_policy(policy_dir).audit.principals is Principals.PSEUDONYMOUS
