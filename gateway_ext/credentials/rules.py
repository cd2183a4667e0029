"""What policy says about credentials that the gateway mints. Checked when one is minted; one that lives, lives on."""

from __future__ import annotations

from dataclasses import dataclass

DAY_SECONDS = 86_400
DAYS_MAX = 90  # as *_token_lifetime_max in envoy.yaml: Envoy refuses what lives longer


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a credential may live, in days, and how many live ones one subject may have."""

    days_max: int
    days_default: int
    per_subject_max: int


@dataclass(frozen=True, slots=True)
class CredentialRules:
    personal: Bounds = Bounds(days_max=30, days_default=30, per_subject_max=20)
    service: Bounds = Bounds(days_max=90, days_default=90, per_subject_max=20)
