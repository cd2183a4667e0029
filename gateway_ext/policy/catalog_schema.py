"""The legal profile of a provider (providers.yaml) or of one of its deployments (models.yaml). docs/catalog.md explains it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from gateway_ext.policy import fields, legal_fields
from gateway_ext.policy.deployment_selector import Certifications, LegalConditions
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import Section


class Company(Section):
    name: fields.Line = Field(examples=["Example GmbH"])
    jurisdiction: fields.Jurisdiction = Field(examples=["DE"])


class DataProcessingAgreement(Section):
    date: fields.Day = Field(examples=["2026-03-01"])
    url: fields.HttpsUrl | None = None


class Attestation(Section):
    evidence: legal_fields.EvidenceFile = Field(examples=["example-enclave.evidence"])
    sha256: legal_fields.Sha256 = Field(examples=["(what sha256sum prints)"])
    date: fields.Day = Field(examples=["2026-03-01"])


class LegalProfile(Section):
    """Every key may be left out, and then counts as unknown."""

    operator: fields.Line | None = None
    parent: Company | None = None
    inference_region: legal_fields.Region | None = None
    storage_region: legal_fields.StorageRegion | None = None
    certifications: Certifications | None = None
    dpa: DataProcessingAgreement | None = None
    zero_retention: bool | None = None
    trains_on_data: bool | None = None
    sub_processors: tuple[Company, ...] | None = None  # []: there are none
    cloud_act: bool | None = None
    open_weights: bool | None = None
    attestation: Attestation | None = None
    reviewed: fields.Day | None = None


class Tier(Section):
    """A notch of the cursor. Without `requires` it takes whom the operator puts there."""

    name: fields.Name = Field(examples=["open-eu"])
    requires: LegalConditions | None = None


def _by_name(written: Any) -> Any:
    """A tier that requires nothing is written as its name alone."""
    return {"name": written} if isinstance(written, str) else written


def _named_once(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    names = [tier.name for tier in tiers]
    for name in names:
        if names.count(name) > 1:
            raise fault(f"lists '{name}' twice; keep one")
    return tiers


Tiers = Annotated[tuple[Annotated[Tier, BeforeValidator(_by_name)], ...], fields.NOT_EMPTY, AfterValidator(_named_once)]
