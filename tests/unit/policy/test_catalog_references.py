"""The catalogue that files make together, and what makes it unusable."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pytest

from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.problems import PolicyError
from gateway_ext.routing.catalog import Attestation, CatalogEntry, Company, DataProcessingAgreement, LegalProfile

ROUTING = "sovereign: {tiers: [open-eu], jurisdictions: [FR]}\n"
EU = '  eu: {url: "https://eu.example/v1", jurisdiction: FR, tier: open-eu'
OTHERS = """\
  us: {url: "https://us.example/v1", jurisdiction: US, tier: frontier}
  own: {url: "http://127.0.0.1:8000", jurisdiction: FR, tier: open-eu, legal: {cloud_act: false}}
"""


def write(
    policy_dir: Path, *, providers: str | None = None, models: str = "", tiers: str = "[frontier, open-eu]"
) -> None:
    (policy_dir / "routing.yaml").write_text(f"tiers: {tiers}\n{ROUTING}")
    if providers is not None:
        (policy_dir / "providers.yaml").write_text(f"providers:\n{OTHERS}{EU}{providers}}}\n")
    if models:
        (policy_dir / "models.yaml").write_text(f"models:\n{models}")


def problems(policy_dir: Path) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load_policy(policy_dir)
    return [str(problem) for problem in caught.value.problems]


def test_what_nobody_states_is_unknown(policy_dir: Path) -> None:
    assert load_policy(policy_dir).routing.catalog == {
        "us/big": CatalogEntry("us/big", "us", "big", "frontier", "US", LegalProfile()),
        "eu/assistant": CatalogEntry("eu/assistant", "eu", "assistant", "open-eu", "FR", LegalProfile()),
        "own/local": CatalogEntry("own/local", "own", "local", "open-eu", "FR", LegalProfile()),
    }


def test_a_whole_profile(policy_dir: Path) -> None:
    evidence = b"a quote of the enclave"
    digest = hashlib.sha256(evidence).hexdigest()
    (policy_dir / "enclave.evidence").write_bytes(evidence)
    before = load_policy(policy_dir).digest
    legal = f"""
    legal:
      operator: Example SAS
      parent: {{name: Example SE, jurisdiction: DE}}
      inference_region: EU
      storage_region: none
      certifications: [SecNumCloud, HDS, Own Label 3]
      dpa: {{date: 2026-03-01, url: "https://eu.example/dpa"}}
      zero_retention: true
      trains_on_data: false
      sub_processors: [{{name: Other GmbH, jurisdiction: DE}}]
      cloud_act: false
      open_weights: true
      attestation: {{evidence: enclave.evidence, sha256: "{digest}", date: 2026-03-02}}
      reviewed: 2026-11-21
"""
    text = f"providers:\n{OTHERS}  eu:\n    url: https://eu.example/v1\n    jurisdiction: FR\n    tier: open-eu{legal}"
    (policy_dir / "providers.yaml").write_text(text)
    snapshot = load_policy(policy_dir)
    assert snapshot.routing.catalog["eu/assistant"].profile == LegalProfile(
        operator="Example SAS",
        parent=Company("Example SE", "DE"),
        inference_region="EU",
        storage_region="none",
        certifications=frozenset({"SecNumCloud", "HDS", "Own Label 3"}),
        dpa=DataProcessingAgreement(date(2026, 3, 1), "https://eu.example/dpa"),
        zero_retention=True,
        trains_on_data=False,
        sub_processors=(Company("Other GmbH", "DE"),),
        cloud_act=False,
        open_weights=True,
        attestation=Attestation("enclave.evidence", digest, date(2026, 3, 2)),
        reviewed=date(2026, 11, 21),
    )
    assert snapshot.digest != before
    (policy_dir / "enclave.evidence").write_bytes(evidence + b".")
    (problem,) = problems(policy_dir)
    assert problem.startswith("providers.yaml:20:57: 'sha256' is not that of 'enclave.evidence'")


def test_a_deployment_states_what_is_different_and_keeps_the_rest(policy_dir: Path) -> None:
    write(
        policy_dir,
        tiers="[frontier, open-eu, on-prem]",
        providers=", legal: {operator: Example SAS, cloud_act: false, sub_processors: []}",
        models="""\
  assistant: {deployments: [{provider: eu, price: {input: 1, output: 1}, tier: on-prem, jurisdiction: DE,
    legal: {cloud_act: true, open_weights: true}}]}
  local: {deployments: [{provider: own, price: {input: 0, output: 0}}]}
""",
    )
    routing = load_policy(policy_dir).routing
    profile = LegalProfile(operator="Example SAS", cloud_act=True, open_weights=True, sub_processors=())
    assert routing.catalog["eu/assistant"] == CatalogEntry("eu/assistant", "eu", "assistant", "on-prem", "DE", profile)
    (candidate,) = routing.models["assistant"].deployments
    assert (candidate.tier, candidate.jurisdiction) == ("on-prem", "DE")


def test_what_is_stated_at_one_listing_counts_for_all(policy_dir: Path) -> None:
    write(
        policy_dir,
        models="""\
  assistant: {deployments: [{provider: eu, price: {input: 1, output: 1}}]}
  other: {deployments: [{provider: eu, model: assistant, price: {input: 1, output: 1}, tier: frontier}]}
""",
    )
    models = load_policy(policy_dir).routing.models
    assert {model.deployments[0].tier for model in models.values()} == {"frontier"}


REQUIRES = "[frontier, {name: open-eu, requires: {jurisdictions: [EU], cloud_act: false}}]"


def test_a_tier_takes_whoever_meets_what_it_requires(policy_dir: Path) -> None:
    write(policy_dir, tiers=REQUIRES, providers=", legal: {cloud_act: false}")
    routing = load_policy(policy_dir).routing
    assert routing.tiers == ("frontier", "open-eu")
    assert routing.models["assistant"].tiers == {"frontier", "open-eu"}


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("", "and nothing states 'legal.cloud_act' of 'eu/assistant'; state it, or choose another tier"),
        (", legal: {cloud_act: true}", "but 'legal.cloud_act' of 'eu/assistant' says true; choose another tier"),
    ],
)
def test_a_tier_refuses_who_does_not(policy_dir: Path, stated: str, message: str) -> None:
    write(policy_dir, tiers=REQUIRES, providers=stated)
    assert problems(policy_dir) == [f"providers.yaml:4:62: tier 'open-eu' requires cloud_act: false, {message}"]


def test_a_provider_without_deployments_is_held_to_its_tier_too(policy_dir: Path) -> None:
    write(policy_dir, tiers=REQUIRES, providers=", legal: {cloud_act: true}")
    models = "models:\n  local: {deployments: [{provider: own, price: {input: 0, output: 0}}]}\n"
    (policy_dir / "models.yaml").write_text(models)
    (problem,) = problems(policy_dir)
    assert "'legal.cloud_act' of 'eu' says true" in problem


def test_a_fault_of_several_deployments_is_told_once(policy_dir: Path) -> None:
    write(
        policy_dir,
        tiers=REQUIRES,
        providers=", legal: {cloud_act: true}",
        models="".join(f"  m{n}: {{deployments: [{{provider: eu, price: {{input: 1, output: 1}}}}]}}\n" for n in "12"),
    )
    assert len(problems(policy_dir)) == 1


def test_a_tier_of_a_deployments_own_is_where_its_fault_is_shown(policy_dir: Path) -> None:
    write(
        policy_dir,
        tiers="[frontier, open-eu, {name: attested, requires: {open_weights: true, attested: true}}]",
        models="""\
  assistant:
    deployments:
      - {provider: eu, price: {input: 1, output: 1},
         tier: attested, legal: {open_weights: true}}
""",
    )
    assert problems(policy_dir) == [
        "models.yaml:5:16: tier 'attested' requires attested: true, and nothing states 'legal.attestation' of"
        " 'eu/assistant'; state it, or choose another tier"
    ]


def test_deployments_may_state_what_their_provider_cannot(policy_dir: Path) -> None:
    """One provider, open and closed weights."""
    write(
        policy_dir,
        tiers="[frontier, {name: open-eu, requires: {open_weights: true}}]",
        models="""\
  open: {deployments: [{provider: eu, price: {input: 1, output: 1}, legal: {open_weights: true}}]}
  closed: {deployments: [{provider: eu, price: {input: 1, output: 1}, tier: frontier}]}
  local: {deployments: [{provider: own, price: {input: 0, output: 0}, legal: {open_weights: true}}]}
""",
    )
    assert load_policy(policy_dir).routing.models["open"].tiers == {"open-eu"}
