from __future__ import annotations

from pathlib import Path

import pytest

from gateway_ext.policy.loader import read_policy


@pytest.mark.parametrize(
    ("rules", "place", "message"),
    [
        (
            ['{name: a, models: ["asistant"], only: {tiers: [open-eu]}}'],
            (4, 15),
            "no model has such a name, so the rule does nothing",
        ),
        (
            ["{name: a, only: {jurisdictions: [CN]}}"],
            (4, 15),
            "no deployment is like this, so the rule refuses every request it is about",
        ),
        (
            ["{name: a, without: {jurisdictions: [CN]}}"],
            (4, 15),
            "no deployment is like this, so the rule does nothing",
        ),
        (["{name: a, prefer: {jurisdictions: [CN]}}"], (4, 15), "no deployment is like this, so the rule does nothing"),
        (
            ['{name: a, deny: "no"}', "{name: b, only: {tiers: [open-eu]}}"],
            (5, 12),
            "rule 'b' is never looked at: rule 'a' above denies every request",
        ),
        (
            ["{name: a, only: {tiers: [open-eu]}, stop: true}", '{name: b, deny: "no"}'],
            (5, 12),
            "rule 'b' is never looked at: rule 'a' above is the last one for every request",
        ),
    ],
)
def test_what_is_hardly_meant_is_a_warning(
    policy_dir: Path, rules: list[str], place: tuple[int, int], message: str
) -> None:
    with (policy_dir / "routing.yaml").open("a") as file:
        file.write("rules:\n" + "".join(f"  - {rule}\n" for rule in rules))
    (warning,) = read_policy(policy_dir).warnings
    assert (warning.file, warning.message) == ("routing.yaml", message)
    assert (warning.line, warning.column) == place


def test_rules_for_some_end_nothing(policy_dir: Path) -> None:
    with (policy_dir / "routing.yaml").open("a") as file:
        file.write(
            "rules:\n"
            "  - {name: a, models: [local], deny: 'no'}\n"
            "  - {name: b, when: request.is_stream, deny: 'no'}\n"
            "  - {name: c, only: {tiers: [open-eu]}}\n"
        )
    assert read_policy(policy_dir).warnings == ()
