"""The policies that `make bench` runs with: valid, and with parts off as they say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.contestants import parts
from gateway_ext.policy.loader import load_policy


def shipped(policies: Path) -> None:
    """As they are."""


@pytest.mark.parametrize(
    "edit",
    [shipped, parts.without_guard, parts.with_one_budget, parts.with_responses_inspected],
    ids=lambda edit: edit.__name__,
)
def test_they_are_valid(edit: Callable[[Path], None], tmp_path: Path) -> None:
    policies = parts.shipped_policies(tmp_path / "policies", 12_345)
    edit(policies)
    snapshot = load_policy(policies)
    assert {provider.port for provider in snapshot.routing.providers.values()} == {12_345}
    assert len(snapshot.budget.budgets) == (1 if edit is parts.with_one_budget else 2)
    rules = [*snapshot.guard.request.classes.values(), *snapshot.guard.request.detectors.values()]
    assert any(rule.is_enabled for rule in rules) is (edit is not parts.without_guard)
    assert snapshot.guard.inspects_responses is (edit is parts.with_responses_inspected)
