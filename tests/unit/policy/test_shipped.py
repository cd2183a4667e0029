"""The policy this project ships, and the page that explains its keys."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from gateway_ext.exchange import Candidate
from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.rules import Action
from gateway_ext.policy.loader import Reading, read_policy
from gateway_ext.policy.problems import PolicyError
from gateway_ext.policy.schema import FILES
from gateway_ext.policy.section import Section

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shipped() -> Reading:
    return read_policy(ROOT / "policies")


def test_it_is_valid_and_means_what_it_says(shipped: Reading) -> None:
    assert shipped.warnings == ()


def test_every_model_but_one_has_a_sovereign_deployment(shipped: Reading) -> None:
    routing = shipped.snapshot.routing

    def is_sovereign(candidate: Candidate) -> bool:
        return candidate.tier in routing.sovereign.tiers and candidate.jurisdiction in routing.sovereign.jurisdictions

    without = {name for name, model in routing.models.items() if not any(map(is_sovereign, model.deployments))}
    assert without == {"frontier-only"}
    assert [candidate.provider for candidate in routing.models["assistant"].deployments] == [
        "simulator-us",
        "simulator-eu",
    ]


def test_tiers_are_notches_of_a_cursor_and_nobody_is_attested(shipped: Reading) -> None:
    routing = shipped.snapshot.routing
    assert routing.tiers == ("frontier", "frontier-eu", "open-eu", "open-eu-attested", "on-prem")
    assert {entry.tier for entry in routing.catalog.values()} == {"frontier", "open-eu"}
    assert all(entry.profile.attestation is None for entry in routing.catalog.values())


def test_what_states_all_but_evidence_is_not_attested(tmp_path: Path) -> None:
    policies = Path(shutil.copytree(ROOT / "policies", tmp_path / "policies"))
    text = (policies / "providers.yaml").read_text()
    (policies / "providers.yaml").write_text(text.replace("tier: open-eu\n", "tier: open-eu-attested\n"))
    with pytest.raises(PolicyError, match=r"requires attested: true, and nothing states 'legal\.attestation'"):
        read_policy(policies)


def test_detectors_begin_in_log_mode_except_unmistakable_secrets(shipped: Reading) -> None:
    guard = shipped.snapshot.guard.request
    actions = {name: guard.rule(name, data_class).action for name, data_class in DETECTORS.items()}
    assert {actions[name] for name, data_class in DETECTORS.items() if data_class == "personal"} == {Action.LOG}
    assert actions["private_key"] is actions["aws_key"] is Action.BLOCK
    assert actions["secret_keyword"] is Action.LOG
    assert not guard.rule("high_entropy_hex", "secret").is_enabled
    assert guard.rule("iban", "personal").sovereign


def keys(annotation: Any) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        for name, field in annotation.model_fields.items():
            yield field.alias or name
            yield from keys(field.annotation)
    for argument in get_args(annotation):
        yield from keys(argument)


@pytest.mark.parametrize("file", FILES)
def test_every_key_is_in_the_reference(file: str) -> None:
    page = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {file}\n")[1].split("\n## ")[0]
    assert [key for key in keys(FILES[file]) if f"`{key}`" not in section] == []
