"""The shipped policies as `make bench` runs them, and the same with parts of the gateway off.

By design some parts cannot be off: the record of each decision is always written, every text is always read, and a caller
without any hard budget may spend nothing. What is measured in their place is said beside each.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.machine.processes import PROJECT

GUARD_CLASSES = ("personal", "secret", "confidential", "injection", "harmful")


def shipped_policies(target: Path, upstream: int) -> Path:
    """A copy of them for the upstream at that port, with purses and a window that no run exhausts."""
    shutil.copytree(PROJECT / "policies", target, ignore=shutil.ignore_patterns("tests"))
    providers = target / "providers.yaml"
    providers.write_text(providers.read_text().replace("127.0.0.1:18081", f"127.0.0.1:{upstream}"))
    _change(target / "budgets.yaml", _deep_purses)
    _change(target / "models.yaml", lambda models: models["models"]["assistant"].update(context_tokens=4_000_000))
    return target


def without_guard(policies: Path) -> None:
    """No detector is on. Bodies are still parsed and their texts collected: routing and budgets need that, too."""

    def off(guard: dict[str, Any]) -> None:
        guard["classes"] = {each: {"action": "log", "enabled": False} for each in GUARD_CLASSES}
        guard["detectors"] = {}

    _change(policies / "guard.yaml", off)


def with_one_budget(policies: Path) -> None:
    """One for all instead of one a person and one a team: none is not possible."""
    house = {"name": "house", "scope": "organisation", "amount": 100_000, "window": "total"}
    _change(policies / "budgets.yaml", lambda budgets: budgets.update(budgets=[house]))


def with_responses_inspected(policies: Path) -> None:
    """The Guard reads all answers, streams included."""
    _change(policies / "guard.yaml", lambda guard: guard.update(responses={"inspect": True}))


def with_responses_redacted(policies: Path) -> None:
    """The Guard reads all answers and takes personal data and secrets out of them: it holds back what may become such."""
    replaced = {each: {"action": "redact"} for each in ("personal", "secret")}
    _change(policies / "guard.yaml", lambda guard: guard.update(responses={"inspect": True, "classes": replaced}))


def _deep_purses(budgets: dict[str, Any]) -> None:
    for budget in budgets["budgets"]:
        budget["amount"] = 1_000_000


def _change(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = yaml.safe_load(file.read_text())
    change(document)
    file.write_text(yaml.safe_dump(document, sort_keys=False))
