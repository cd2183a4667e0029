"""Which deployments a selector means: every condition written holds, and what nobody stated holds for nobody."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway_ext.policy.deployment_selector import Deployments, LegalConditions, selected, unmet
from gateway_ext.routing.catalog import Attestation, CatalogEntry, LegalProfile

TIERS = ("frontier", "frontier-eu", "open-eu", "on-prem")
STATED = LegalProfile(
    inference_region="FR",
    storage_region="EU",
    certifications=frozenset({"SecNumCloud", "ISO27001"}),
    zero_retention=True,
    trains_on_data=False,
    cloud_act=False,
    open_weights=True,
    attestation=Attestation("enclave.evidence", "0" * 64, date(2026, 3, 1)),
)
CATALOG = {
    entry.cluster: entry
    for entry in (
        CatalogEntry("us/big", "us", "big", "frontier", "US", LegalProfile(cloud_act=True, trains_on_data=True)),
        CatalogEntry("eu/big", "eu", "big", "frontier-eu", "FR", LegalProfile(storage_region="none")),
        CatalogEntry("eu/open", "eu", "open", "open-eu", "FR", STATED),
        CatalogEntry("own/open", "own", "open", "on-prem", "NO"),
    )
}
ALL = frozenset(CATALOG)


def select(**conditions: Any) -> set[str]:
    return set(selected(Deployments.model_validate(conditions), TIERS, CATALOG))


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"tiers": ("frontier", "on-prem")}, {"us/big", "own/open"}),
        ({"at_least": "frontier"}, ALL),
        ({"at_least": "open-eu"}, {"eu/open", "own/open"}),
        ({"providers": ("eu",)}, {"eu/big", "eu/open"}),
        ({"deployments": ("eu/big", "us/big")}, {"eu/big", "us/big"}),
        ({"jurisdictions": ("US",)}, {"us/big"}),
        ({"jurisdictions": ("EU",)}, {"eu/big", "eu/open"}),
        ({"jurisdictions": ("EEA",)}, {"eu/big", "eu/open", "own/open"}),
        ({"inference_regions": ("EU",)}, {"eu/open"}),
        ({"inference_regions": ("DE",)}, set()),
        ({"storage_regions": ("EU",)}, {"eu/big", "eu/open"}),
        ({"storage_regions": ("FR",)}, {"eu/big"}),
        ({"certifications": ("SecNumCloud", "ISO27001")}, {"eu/open"}),
        ({"certifications": ("SecNumCloud", "HDS")}, set()),
        ({"cloud_act": False}, {"eu/open"}),
        ({"cloud_act": True}, {"us/big"}),
        ({"trains_on_data": True}, {"us/big"}),
        ({"trains_on_data": False}, {"eu/open"}),
        ({"zero_retention": True}, {"eu/open"}),
        ({"zero_retention": False}, set()),
        ({"open_weights": True}, {"eu/open"}),
        ({"attested": True}, {"eu/open"}),
        ({"tiers": ("frontier-eu",), "jurisdictions": ("FR",), "at_least": "frontier"}, {"eu/big"}),
        ({"providers": ("us",), "jurisdictions": ("EU",)}, set()),
    ],
)
def test_every_condition_that_is_written_holds(conditions: dict[str, Any], expected: set[str]) -> None:
    assert select(**conditions) == expected


@pytest.mark.parametrize("key", ["inference_regions", "storage_regions", "certifications", "attested"])
def test_what_is_not_stated_never_holds(key: str) -> None:
    wanted = True if key == "attested" else ("EU",) if key.endswith("regions") else ("C5",)
    silent = {"x/y": CatalogEntry("x/y", "x", "y", "open-eu", "FR")}
    assert selected(Deployments.model_validate({key: wanted}), TIERS, silent) == frozenset()


@pytest.mark.parametrize("flag", ["cloud_act", "zero_retention", "trains_on_data", "open_weights"])
@pytest.mark.parametrize("wanted", [True, False])
def test_a_flag_that_is_not_stated_is_neither_true_nor_false(flag: str, wanted: bool) -> None:
    entry = CatalogEntry("x/y", "x", "y", "open-eu", "FR", replace(STATED, **{flag: None}))  # type: ignore[arg-type]  # flag is the name of one
    assert list(unmet(LegalConditions.model_validate({flag: wanted}), entry)) == [(flag, "")]


def test_what_is_unmet_tells_what_is_stated_instead() -> None:
    conditions = LegalConditions.model_validate(
        {"jurisdictions": ("EU",), "certifications": ("C5", "HDS"), "cloud_act": False, "attested": True}
    )
    assert list(unmet(conditions, CATALOG["us/big"])) == [
        ("jurisdictions", "US"),
        ("certifications", "no C5, HDS"),
        ("cloud_act", "true"),
        ("attested", ""),
    ]


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({}, "has no condition"),
        ({"tiers": ()}, "must not be an empty list"),
        ({"tiers": ("openeu",)}, "unknown tier 'openeu'; did you mean 'open-eu'"),
        ({"at_least": "sovereign"}, "unknown tier 'sovereign'"),
        ({"providers": ("eu1",)}, "unknown provider 'eu1'; did you mean 'eu'"),
        ({"deployments": ("eu/opened",)}, "unknown deployment 'eu/opened'; did you mean 'eu/open'"),
        ({"jurisdictions": ("Europe",)}, "must be a country (ISO 3166-1)"),
        ({"certifications": ("ISO 27001",)}, "write 'ISO27001'"),
        ({"certifications": ("secnumcloud",)}, "write 'SecNumCloud'"),
        ({"attested": False}, "can only be asked for: write true"),
        ({"regions": ("FR",)}, "Extra inputs"),
    ],
)
def test_faults_are_told(conditions: dict[str, Any], message: str) -> None:
    known = {"tier": frozenset(TIERS), "provider": frozenset({"eu", "us", "own"}), "deployment": ALL}
    with pytest.raises(ValidationError) as caught:
        Deployments.model_validate(conditions, context=known)
    assert message in str(caught.value)


def profiles() -> st.SearchStrategy[LegalProfile]:
    flag, place = st.none() | st.booleans(), st.sampled_from(["", "FR", "US", "EU", "global", "none"])
    return st.builds(
        LegalProfile,
        inference_region=place,
        storage_region=place,
        certifications=st.frozensets(st.sampled_from(["C5", "HDS"])),
        zero_retention=flag,
        trains_on_data=flag,
        cloud_act=flag,
        open_weights=flag,
        attestation=st.sampled_from([None, STATED.attestation]),
    )


def conditions() -> st.SearchStrategy[dict[str, Any]]:
    places = st.lists(st.sampled_from(["FR", "EU", "EEA", "US"]), min_size=1, unique=True).map(tuple)
    flags = {flag: st.booleans() for flag in ("cloud_act", "zero_retention", "trains_on_data", "open_weights")}
    written = dict.fromkeys(("jurisdictions", "inference_regions", "storage_regions"), places)
    more = {"certifications": st.just(("C5",)), "attested": st.just(True)}
    return st.fixed_dictionaries({}, optional={**flags, **written, **more}).filter(bool)


@given(conditions(), profiles(), st.data())
def test_stating_less_never_meets_more(written: dict[str, Any], profile: LegalProfile, data: st.DataObject) -> None:
    forgotten = data.draw(st.sampled_from([field.name for field in fields(LegalProfile)]))
    less = replace(profile, **{forgotten: getattr(LegalProfile(), forgotten)})
    selector = Deployments.model_validate(written)

    def met(stated: LegalProfile) -> frozenset[str]:
        return selected(selector, TIERS, {"x/y": CatalogEntry("x/y", "x", "y", "open-eu", "FR", stated)})

    assert met(less) <= met(profile)


@given(conditions(), conditions(), profiles())
def test_another_condition_never_selects_more(
    written: dict[str, Any], more: dict[str, Any], profile: LegalProfile
) -> None:
    catalog = {"x/y": CatalogEntry("x/y", "x", "y", "open-eu", "FR", profile)}
    narrower = selected(Deployments.model_validate({**more, **written}), TIERS, catalog)
    assert narrower <= selected(Deployments.model_validate(written), TIERS, catalog)
