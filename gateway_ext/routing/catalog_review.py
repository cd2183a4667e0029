"""What in the catalogue contradicts itself, or has not been looked at for long. Pure: one function for each rule."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gateway_ext.routing.catalog import EEA, NOWHERE, CatalogEntry, lies_within

_US = "US"
_HERE = frozenset({"EEA"})


class Severity(StrEnum):
    ERROR = "error"  # two statements cannot both be true, or personal data is at risk
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """`rule` is one of RULES. `message` says what is odd and how to put it right."""

    cluster: str
    severity: Severity
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a review needs to know beside the entry. Clusters in the sets; `providers`: jurisdiction by provider."""

    today: date
    stale_months: int
    providers: Mapping[str, str]
    personal: AbstractSet[str]  # where personal data may go
    sovereign: AbstractSet[str]  # what counts as sovereign
    sovereign_laws: AbstractSet[str]  # the jurisdictions that do


def review(catalog: Mapping[str, CatalogEntry], circumstances: Circumstances) -> tuple[Finding, ...]:
    """Every finding about every deployment, by cluster, errors first."""
    return tuple(
        sorted(
            Finding(cluster, severity, name, message)
            for cluster, entry in catalog.items()
            for name, (severity, rule) in RULES.items()
            for message in rule(entry, circumstances)
        )
    )


def months_before(today: date, months: int) -> date:
    """The same day of the month then, or that month's last one."""
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    return date(year, month + 1, min(today.day, monthrange(year, month + 1)[1]))


def _cloud_act_denied(entry: CatalogEntry, _: Circumstances) -> Iterator[str]:
    """18 U.S.C. § 2713 reaches providers under US jurisdiction, and what they control abroad."""
    if entry.profile.cloud_act is not False:
        return
    parent = entry.profile.parent
    if entry.jurisdiction == _US:
        yield "its operator is under US law, yet 'cloud_act' is false; state true, or correct 'jurisdiction'"
    if parent is not None and parent.jurisdiction == _US:
        yield f"its parent {parent.name} is under US law, yet 'cloud_act' is false; state true, or correct 'parent'"


def _cloud_act_by_sub_processor(entry: CatalogEntry, _: Circumstances) -> Iterator[str]:
    if entry.profile.cloud_act is False:
        for each in entry.profile.sub_processors or ():
            if each.jurisdiction == _US:
                yield f"sub-processor {each.name} is under US law, yet 'cloud_act' is false; make sure it sees no content"


def _qualified_but_exposed(entry: CatalogEntry, _: Circumstances) -> Iterator[str]:
    """SecNumCloud 3.2, chapter 19.6: seat, capital and control in the EU, and no reach of other law."""
    if "SecNumCloud" not in entry.profile.certifications:
        return
    parent = entry.profile.parent
    if entry.profile.cloud_act:
        yield "SecNumCloud is not given to services within reach of the CLOUD Act; correct one of the two"
    if not lies_within(entry.jurisdiction, frozenset({"EU"})) or (
        parent is not None and not lies_within(parent.jurisdiction, frozenset({"EU"}))
    ):
        yield "SecNumCloud is not given to operators or parents outside the EU; check the list of qualified services"


def _health_data_abroad(entry: CatalogEntry, _: Circumstances) -> Iterator[str]:
    """HDS, version of 2024: health data are stored in the European Economic Area only."""
    place = entry.profile.storage_region
    if "HDS" in entry.profile.certifications and place not in {"", NOWHERE} and not lies_within(place, _HERE):
        yield f"HDS means storage within the EEA only, yet 'storage_region' is {place}; correct one of the two"


def _retention(entry: CatalogEntry, _: Circumstances) -> Iterator[str]:
    kept, stored = entry.profile.zero_retention is False, entry.profile.storage_region
    if entry.profile.zero_retention and stored not in {"", NOWHERE}:
        yield f"'zero_retention' is true, yet 'storage_region' is {stored}; write none, or state what is kept"
    if kept and stored == NOWHERE:
        yield "'zero_retention' is false, yet 'storage_region' is none; state where what is kept lies"
    if entry.profile.zero_retention and entry.profile.trains_on_data:
        yield "'zero_retention' is true, yet 'trains_on_data' is true; what is trained on is kept"


def _inference_abroad(entry: CatalogEntry, _: Circumstances) -> Iterator[str]:
    place = entry.profile.inference_region
    if lies_within(entry.jurisdiction, _HERE) and place and not lies_within(place, _HERE):
        yield f"its operator is in {entry.jurisdiction}, yet 'inference_region' is {place}, outside the EEA"


def _another_law_in_between(entry: CatalogEntry, circumstances: Circumstances) -> Iterator[str]:
    law = circumstances.providers.get(entry.provider, entry.jurisdiction)
    if law != entry.jurisdiction and not (law in EEA and entry.jurisdiction in EEA):
        yield f"its 'jurisdiction' is {entry.jurisdiction}, but requests pass provider '{entry.provider}', under {law} law"


def _trained_on_personal_data(entry: CatalogEntry, circumstances: Circumstances) -> Iterator[str]:
    if entry.profile.trains_on_data and entry.cluster in circumstances.personal:
        yield "personal data may go there, and it trains on what it is sent; keep them away, or agree on no training"


def _training_unknown(entry: CatalogEntry, circumstances: Circumstances) -> Iterator[str]:
    if entry.profile.trains_on_data is None and entry.cluster in circumstances.personal:
        yield "personal data may go there, and nothing states whether it trains on them; state 'trains_on_data'"


def _sovereign_but_exposed(entry: CatalogEntry, circumstances: Circumstances) -> Iterator[str]:
    if entry.profile.cloud_act and entry.cluster in circumstances.sovereign:
        yield "it counts as sovereign (routing.yaml), yet 'cloud_act' is true; choose another tier"


def _controlled_from_elsewhere(entry: CatalogEntry, circumstances: Circumstances) -> Iterator[str]:
    parent = entry.profile.parent
    if parent is None or entry.cluster not in circumstances.sovereign:
        return
    if parent.jurisdiction not in circumstances.sovereign_laws:
        yield f"it counts as sovereign (routing.yaml), yet its parent {parent.name} is under {parent.jurisdiction} law"


def _stale(entry: CatalogEntry, circumstances: Circumstances) -> Iterator[str]:
    oldest = months_before(circumstances.today, circumstances.stale_months)
    for key, day, remedy in _dated(entry):
        if day is not None and day < oldest:
            yield f"'{key}' is of {day}, more than {circumstances.stale_months} months ago; {remedy}"


def _in_the_future(entry: CatalogEntry, circumstances: Circumstances) -> Iterator[str]:
    for key, day, _ in _dated(entry):
        if day is not None and day > circumstances.today:
            yield f"'{key}' is of {day}, which is still to come; write the day it was done"


def _never_reviewed(entry: CatalogEntry, _: Circumstances) -> Iterator[str]:
    if entry.profile.reviewed is None:
        yield "nobody has reviewed it; compare it with the provider's documents, then state 'reviewed'"


def _dated(entry: CatalogEntry) -> Iterator[tuple[str, date | None, str]]:
    profile = entry.profile
    yield "reviewed", profile.reviewed, "compare it with the provider's documents again"
    yield "dpa", profile.dpa.date if profile.dpa else None, "see whether a newer one applies"
    yield "attestation", profile.attestation.date if profile.attestation else None, "ask for new evidence"


_Rule = Callable[[CatalogEntry, Circumstances], Iterator[str]]
RULES: Mapping[str, tuple[Severity, _Rule]] = {
    "cloud-act-denied": (Severity.ERROR, _cloud_act_denied),
    "qualified-but-exposed": (Severity.ERROR, _qualified_but_exposed),
    "health-data-abroad": (Severity.ERROR, _health_data_abroad),
    "retention": (Severity.ERROR, _retention),
    "trained-on-personal-data": (Severity.ERROR, _trained_on_personal_data),
    "sovereign-but-exposed": (Severity.ERROR, _sovereign_but_exposed),
    "controlled-from-elsewhere": (Severity.ERROR, _controlled_from_elsewhere),
    "in-the-future": (Severity.ERROR, _in_the_future),
    "cloud-act-by-sub-processor": (Severity.WARNING, _cloud_act_by_sub_processor),
    "inference-abroad": (Severity.WARNING, _inference_abroad),
    "another-law-in-between": (Severity.WARNING, _another_law_in_between),
    "training-unknown": (Severity.WARNING, _training_unknown),
    "stale": (Severity.WARNING, _stale),
    "never-reviewed": (Severity.WARNING, _never_reviewed),
}
"""Each rule by the name under which docs/catalog.md explains it."""
