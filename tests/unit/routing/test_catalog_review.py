"""Each rule of the review finds what it is for, and is silent about an entry that states everything consistently."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.routing.catalog import Attestation, CatalogEntry, Company, DataProcessingAgreement, LegalProfile
from gateway_ext.routing.catalog_review import RULES, Circumstances, Finding, Severity, months_before, review

TODAY = date(2026, 11, 21)
SOUND = LegalProfile(
    operator="Example SAS",
    inference_region="FR",
    storage_region="none",
    certifications=frozenset({"SecNumCloud", "HDS"}),
    dpa=DataProcessingAgreement(date(2026, 1, 10)),
    zero_retention=True,
    trains_on_data=False,
    sub_processors=(),
    cloud_act=False,
    open_weights=True,
    attestation=Attestation("enclave.evidence", "0" * 64, date(2026, 3, 1)),
    reviewed=date(2026, 11, 1),
)
AMERICAN = Company("Example Inc.", "US")


def found(
    jurisdiction: str = "FR", *, stale_months: int = 12, passes: str = "FR", personal: bool = True, **stated: Any
) -> list[tuple[str, Severity]]:
    entry = CatalogEntry("eu/open", "eu", "open", "open-eu", jurisdiction, replace(SOUND, **stated))
    circumstances = Circumstances(
        TODAY, stale_months, {"eu": passes}, {"eu/open"} if personal else set(), {"eu/open"}, {"FR", "DE"}
    )
    return [(each.rule, each.severity) for each in review({"eu/open": entry}, circumstances)]


def test_what_is_sound_is_not_remarked_on() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        ({"jurisdiction": "US", "passes": "US", "certifications": frozenset()}, "cloud-act-denied"),
        ({"sub_processors": (Company("Other SAS", "FR"), AMERICAN)}, "cloud-act-by-sub-processor"),
        ({"parent": Company("Example Ltd", "GB"), "certifications": frozenset()}, "controlled-from-elsewhere"),
        ({"jurisdiction": "CH", "passes": "CH"}, "qualified-but-exposed"),
        ({"storage_region": "US", "zero_retention": False}, "health-data-abroad"),
        ({"storage_region": "FR"}, "retention"),
        ({"zero_retention": False}, "retention"),
        ({"inference_region": "global"}, "inference-abroad"),
        ({"jurisdiction": "GB", "certifications": frozenset()}, "another-law-in-between"),
        ({"trains_on_data": True, "zero_retention": None}, "trained-on-personal-data"),
        ({"trains_on_data": None}, "training-unknown"),
        ({"cloud_act": True, "certifications": frozenset()}, "sovereign-but-exposed"),
        ({"reviewed": date(2025, 11, 20)}, "stale"),
        ({"dpa": DataProcessingAgreement(date(2025, 11, 20))}, "stale"),
        ({"attestation": Attestation("a.evidence", "0" * 64, date(2025, 11, 20))}, "stale"),
        ({"reviewed": date(2026, 11, 22)}, "in-the-future"),
        ({"dpa": DataProcessingAgreement(date(2027, 1, 1))}, "in-the-future"),
        ({"reviewed": None}, "never-reviewed"),
    ],
)
def test_each_rule_alone(stated: dict[str, Any], rule: str) -> None:
    assert found(**stated) == [(rule, RULES[rule][0])]


@pytest.mark.parametrize(
    "stated",
    [
        {"jurisdiction": "US", "passes": "US", "certifications": frozenset(), "cloud_act": None},  # unknown, not denied
        {"storage_region": "FR", "zero_retention": False},
        {"storage_region": "FR", "zero_retention": None},
        {"storage_region": "", "zero_retention": True},
        {"jurisdiction": "DE"},  # one law of the EEA or another
        {"trains_on_data": True, "zero_retention": None, "personal": False},
        {"trains_on_data": None, "personal": False},
        {"reviewed": date(2025, 11, 21)},  # a year to the day
        {"reviewed": date(2025, 1, 1), "stale_months": 24},
        {"dpa": None, "attestation": None, "inference_region": "", "parent": Company("Example Holding SE", "DE")},
    ],
)
def test_what_is_no_contradiction(stated: dict[str, Any]) -> None:
    assert found(**stated) == []


def test_a_parent_abroad_is_told_by_every_rule_that_it_breaks() -> None:
    american = found(parent=AMERICAN)
    assert {rule for rule, _ in american} == {
        "cloud-act-denied",
        "qualified-but-exposed",
        "controlled-from-elsewhere",
    }
    assert {severity for _, severity in american} == {Severity.ERROR}


def test_errors_come_before_warnings_and_name_the_deployment() -> None:
    entry = CatalogEntry("eu/open", "eu", "open", "open-eu", "FR", replace(SOUND, reviewed=None, storage_region="FR"))
    circumstances = Circumstances(TODAY, 12, {"eu": "FR"}, set(), set(), set())
    findings = review({"eu/open": entry}, circumstances)
    assert [(each.cluster, each.severity, each.rule) for each in findings] == [
        ("eu/open", Severity.ERROR, "retention"),
        ("eu/open", Severity.WARNING, "never-reviewed"),
    ]
    assert isinstance(findings[0], Finding)
    assert "write none" in findings[0].message


@pytest.mark.parametrize(
    ("today", "months", "then"),
    [
        (date(2026, 11, 21), 12, date(2025, 11, 21)),
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2028, 3, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
    ],
)
def test_months_before(today: date, months: int, then: date) -> None:
    assert months_before(today, months) == then


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(1, 120))
def test_months_before_are_that_many(today: date, months: int) -> None:
    then = months_before(today, months)
    assert (today.year - then.year) * 12 + today.month - then.month == months
    assert then.day <= today.day


def test_the_page_explains_each_rule_with_its_severity() -> None:
    page = (Path(__file__).parents[3] / "docs" / "catalog.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning) \|", page, re.MULTILINE)
    assert sorted(rows) == sorted((name, severity.value) for name, (severity, _) in RULES.items())
