"""From providers.yaml and models.yaml to the catalogue of deployments. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from gateway_ext.policy import catalog_schema, schema
from gateway_ext.routing.catalog import Attestation, CatalogEntry, Company, DataProcessingAgreement, LegalProfile


def catalog(providers: schema.ProvidersFile, models: schema.ModelsFile) -> Mapping[str, CatalogEntry]:
    """Every deployment by its cluster. What any of its listings states counts, and comes before what its provider states.

    Deployments of providers that do not exist are left out.
    """
    listed: dict[str, list[tuple[str, schema.Deployment]]] = {}
    for virtual, model in models.models.items():
        for deployment in model.deployments:
            if deployment.provider in providers.providers:
                listed.setdefault(deployment.cluster(virtual), []).append((virtual, deployment))
    return MappingProxyType(
        {
            cluster: _entry(cluster, [each for _, each in found], providers.providers[found[0][1].provider])
            for cluster, found in listed.items()
        }
    )


def provider_entry(name: str, provider: schema.Provider) -> CatalogEntry:
    """What holds for a deployment of which nothing of its own is stated."""
    return CatalogEntry(name, name, "", provider.tier, provider.jurisdiction, _profile([provider.legal]))


def _entry(cluster: str, listings: list[schema.Deployment], provider: schema.Provider) -> CatalogEntry:
    name, _, model = cluster.partition("/")
    return CatalogEntry(
        cluster=cluster,
        provider=name,
        model=model,
        tier=next((each.tier for each in listings if each.tier), provider.tier),
        jurisdiction=next((each.jurisdiction for each in listings if each.jurisdiction), provider.jurisdiction),
        profile=_profile([provider.legal, *(each.legal for each in listings)]),
    )


def _profile(written: list[catalog_schema.LegalProfile | None]) -> LegalProfile:
    """Of several, the last one that states a thing counts."""
    stated = {key: getattr(each, key) for each in written if each for key in each.model_fields_set}
    return LegalProfile(**{key: _plain(value) for key, value in stated.items()})


def _plain(value: Any) -> Any:
    match value:
        case catalog_schema.Company():
            return Company(value.name, value.jurisdiction)
        case catalog_schema.DataProcessingAgreement():
            return DataProcessingAgreement(value.date, value.url or "")
        case catalog_schema.Attestation():
            return Attestation(value.evidence, value.sha256, value.date)
        case tuple():
            names = [_plain(each) for each in value]
            return frozenset(names) if names and isinstance(names[0], str) else tuple(names)
    return value
