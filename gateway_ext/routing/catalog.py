"""The catalogue: what the operator stated about each deployment's legal standing. What nobody stated is unknown, not false."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date

EU = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU"),
        *("LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)
EEA = EU | {"IS", "LI", "NO"}
UNIONS = {"EU": EU, "EEA": EEA | {"EU"}}
"""What may be written in the place of a country, and what lies within it."""

GLOBAL = "global"  # a region: anywhere
NOWHERE = "none"  # of storage: nothing is kept


@dataclass(frozen=True, slots=True)
class Company:
    """`jurisdiction`: whose law reaches it (ISO 3166-1)."""

    name: str
    jurisdiction: str


@dataclass(frozen=True, slots=True)
class DataProcessingAgreement:
    """A contract as of GDPR article 28."""

    date: date
    url: str = ""


@dataclass(frozen=True, slots=True)
class Attestation:
    """Evidence that the machine can prove what it runs. `evidence` names a file of the policy that has this SHA-256."""

    evidence: str
    sha256: str
    date: date


@dataclass(frozen=True, slots=True)
class LegalProfile:
    """`None`, `""` and `frozenset()` mean that nobody stated it, which meets no requirement."""

    operator: str = ""  # its legal name
    parent: Company | None = None  # that controls the operator
    inference_region: str = ""  # a country, EU, EEA or GLOBAL
    storage_region: str = ""  # the same, or NOWHERE
    certifications: frozenset[str] = frozenset()
    dpa: DataProcessingAgreement | None = None
    zero_retention: bool | None = None
    trains_on_data: bool | None = None
    sub_processors: tuple[Company, ...] | None = None  # (): there are none
    cloud_act: bool | None = None  # whether US authorities can compel disclosure (18 U.S.C. § 2713)
    open_weights: bool | None = None
    attestation: Attestation | None = None
    reviewed: date | None = None  # when somebody last compared all of this with the provider's documents


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """A deployment as the catalogue knows it. `cluster` is Envoy's name for it, `provider/model`."""

    cluster: str
    provider: str
    model: str
    tier: str
    jurisdiction: str  # of the operator
    profile: LegalProfile = field(default_factory=LegalProfile)


def lies_within(place: str, allowed: AbstractSet[str]) -> bool:
    """Whether a country or region is one of `allowed`, or within one that is a union. An unknown place never is.

    A region that is a union lies only within unions that hold all of it: 'EU' within EU and EEA, not within FR.
    """
    return bool(place) and (place in allowed or any(place in UNIONS[union] for union in UNIONS.keys() & allowed))
