"""How policy names a set of deployments, the same everywhere, and which ones that are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, model_validator

from gateway_ext.policy import fields, legal_fields
from gateway_ext.policy.fields import fault
from gateway_ext.policy.section import Section
from gateway_ext.routing.catalog import NOWHERE, CatalogEntry, lies_within

_FLAGS = ("cloud_act", "zero_retention", "trains_on_data", "open_weights")

Tiers = Annotated[tuple[fields.KnownTier, ...], fields.ONCE]
Providers = Annotated[tuple[fields.KnownProvider, ...], fields.ONCE]
DeploymentNames = Annotated[tuple[fields.KnownDeployment, ...], fields.ONCE]
Places = Annotated[tuple[legal_fields.Place, ...], fields.ONCE]
Certifications = Annotated[tuple[legal_fields.Certification, ...], fields.ONCE]


def _only_true(value: bool) -> bool:
    if not value:
        raise fault("can only be asked for: write true, or remove the key")
    return value


class LegalConditions(Section):
    """What a deployment's legal profile must state. What it does not state does not hold."""

    jurisdictions: Places = ()  # of the operator; EU and EEA stand for their members
    inference_regions: Places = ()
    storage_regions: Places = ()  # met also where nothing is stored
    certifications: Certifications = ()  # all of them
    cloud_act: bool | None = None
    zero_retention: bool | None = None
    trains_on_data: bool | None = None
    open_weights: bool | None = None
    attested: Annotated[bool, AfterValidator(_only_true)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> LegalConditions:
        if not self.model_fields_set:
            raise fault("has no condition; write at least one, such as 'jurisdictions: [EU]'")
        return self


class Deployments(LegalConditions):
    """A set of deployments: those for which every condition that is written holds."""

    tiers: Tiers = ()
    at_least: fields.KnownTier | None = None  # this tier, or a more sovereign one
    providers: Providers = ()
    deployments: DeploymentNames = ()  # provider/model


def selected(selector: Deployments, tiers: Sequence[str], catalog: Mapping[str, CatalogEntry]) -> frozenset[str]:
    """The clusters that `selector` means. `tiers` least sovereign first; `catalog` by cluster, all deployments there are."""
    return frozenset(cluster for cluster, entry in catalog.items() if _holds(selector, tiers, entry))


def unmet(conditions: LegalConditions, entry: CatalogEntry) -> Iterator[tuple[str, str]]:
    """Each condition that does not hold for a deployment, by its key, and what the profile states instead, if anything."""
    profile = entry.profile
    for key, place in (
        ("jurisdictions", entry.jurisdiction),
        ("inference_regions", profile.inference_region),
        ("storage_regions", profile.storage_region),
    ):
        allowed = getattr(conditions, key)
        is_nowhere = key == "storage_regions" and place == NOWHERE
        if allowed and not is_nowhere and not lies_within(place, frozenset(allowed)):
            yield key, place
    if missing := set(conditions.certifications) - profile.certifications:
        yield "certifications", f"no {', '.join(sorted(missing))}"
    for flag in _FLAGS:
        wanted, stated = getattr(conditions, flag), getattr(profile, flag)
        if wanted is not None and stated is not wanted:
            yield flag, _plain(stated)
    if conditions.attested and profile.attestation is None:
        yield "attested", ""


def _holds(selector: Deployments, tiers: Sequence[str], entry: CatalogEntry) -> bool:
    return (
        (not selector.tiers or entry.tier in selector.tiers)
        and (selector.at_least is None or entry.tier in tiers[tiers.index(selector.at_least) :])
        and (not selector.providers or entry.provider in selector.providers)
        and (not selector.deployments or entry.cluster in selector.deployments)
        and next(unmet(selector, entry), None) is None
    )


def _plain(stated: Any) -> str:
    return "" if stated is None else str(stated).lower()
