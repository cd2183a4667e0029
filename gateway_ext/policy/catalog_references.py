"""What makes a catalogue unusable: tiers whose requirements are not met, one deployment stated twice, evidence that is not there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from gateway_ext.policy import schema
from gateway_ext.policy.catalog_schema import LegalProfile, Tier
from gateway_ext.policy.compile_catalog import catalog, provider_entry
from gateway_ext.policy.deployment_selector import LegalConditions, unmet
from gateway_ext.policy.problems import Problem
from gateway_ext.policy.yaml_source import Location, Source
from gateway_ext.routing.catalog import CatalogEntry, lies_within

# Of those conditions that are not called like what is stated, but for an s.
_STATED = {"jurisdictions": "jurisdiction", "attested": "legal.attestation"}
_EEA = frozenset({"EEA"})


def catalog_faults(
    sources: Mapping[str, Source], shapes: Mapping[str, Any], files: Mapping[str, bytes]
) -> Iterator[Problem]:
    """`files` are all of the policy's, by name."""
    providers, models, routing = (shapes.get(f"{name}.yaml") for name in ("providers", "models", "routing"))
    if providers is not None:
        for name, provider in providers.providers.items():
            yield from _evidence_faults(sources["providers.yaml"], ("providers", name), provider.legal, files)
    if models is not None:
        for location, _, deployment in _listings(models):
            yield from _evidence_faults(sources["models.yaml"], location, deployment.legal, files)
        yield from _disagreements(sources["models.yaml"], models)
    if providers is not None and models is not None:
        yield from _laws_left(sources["models.yaml"], providers, models)
    if routing is not None and providers is not None and models is not None:
        yield from _tier_faults(sources, routing, providers, models)


def _listings(models: schema.ModelsFile) -> Iterator[tuple[Location, str, schema.Deployment]]:
    for name, model in models.models.items():
        for index, deployment in enumerate(model.deployments):
            yield ("models", name, "deployments", index), deployment.cluster(name), deployment


def _evidence_faults(
    source: Source, location: Location, legal: LegalProfile | None, files: Mapping[str, bytes]
) -> Iterator[Problem]:
    """That the file exists is checked where its name is."""
    if legal is None or legal.attestation is None or legal.attestation.evidence not in files:
        return
    digest = hashlib.sha256(files[legal.attestation.evidence]).hexdigest()
    if digest != legal.attestation.sha256:
        message = (
            f"is not that of '{legal.attestation.evidence}', {digest}; check the evidence anew, then write its own"
        )
        yield source.problem((*location, "legal", "attestation", "sha256"), f"'sha256' {message}")


def _disagreements(source: Source, models: schema.ModelsFile) -> Iterator[Problem]:
    first: dict[tuple[str, Location], tuple[Any, Location]] = {}
    for location, cluster, deployment in _listings(models):
        stated: dict[Location, Any] = {(key,): getattr(deployment, key) for key in ("tier", "jurisdiction")}
        if deployment.legal is not None:
            stated |= {("legal", key): getattr(deployment.legal, key) for key in deployment.legal.model_fields_set}
        for place, value in stated.items():
            if value is None:
                continue
            known, where = first.setdefault((cluster, place), (value, (*location, *place)))
            if known != value:
                line, _ = source.position(where, of_key=True)
                message = f"'{cluster}' has another '{place[-1]}' in line {line}; one deployment stands at one place"
                yield source.problem((*location, *place), message, of_key=True)


def _laws_left(source: Source, providers: schema.ProvidersFile, models: schema.ModelsFile) -> Iterator[Problem]:
    """Requests pass the provider's machines: from outside the EEA, a deployment is not in it by saying so."""
    for location, cluster, deployment in _listings(models):
        provider = providers.providers.get(deployment.provider)
        if provider is None or deployment.jurisdiction is None:
            continue
        if lies_within(deployment.jurisdiction, _EEA) and not lies_within(provider.jurisdiction, _EEA):
            message = (
                f"'{cluster}' is reached through a provider under {provider.jurisdiction} law; remove 'jurisdiction'"
            )
            yield source.problem((*location, "jurisdiction"), message)


def _tier_faults(
    sources: Mapping[str, Source],
    routing: schema.RoutingFile,
    providers: schema.ProvidersFile,
    models: schema.ModelsFile,
) -> Iterator[Problem]:
    """A deployment's fault stands where its tier is written, that of several with their provider's tier only once."""
    required = {tier.name: tier for tier in routing.tiers if tier.requires is not None}
    entries = catalog(providers, models)
    places = {cluster: (sources["models.yaml"], where) for where, cluster, each in _listings(models) if each.tier}
    used = {entry.provider for entry in entries.values()}
    unused = {name: provider_entry(name, each) for name, each in providers.providers.items() if name not in used}
    seen: set[tuple[str, Location, str]] = set()
    for entry in (*entries.values(), *unused.values()):
        if entry.tier not in required:
            continue
        source, where = places.get(entry.cluster, (sources["providers.yaml"], ("providers", entry.provider)))
        for key, message in _unmet(required[entry.tier], entry):
            if (place := (source.file, where, key)) not in seen:
                seen.add(place)
                yield source.problem((*where, "tier"), message)


def _unmet(tier: Tier, entry: CatalogEntry) -> Iterator[tuple[str, str]]:
    assert tier.requires is not None
    for key, stated in unmet(tier.requires, entry):
        place = _STATED.get(key, f"legal.{key.removesuffix('s') if key.endswith('regions') else key}")
        wanted = f"tier '{tier.name}' requires {key}: {_shown(tier.requires, key)}"
        if stated:
            yield key, f"{wanted}, but '{place}' of '{entry.cluster}' says {stated}; choose another tier"
        else:
            yield key, f"{wanted}, and nothing states '{place}' of '{entry.cluster}'; state it, or choose another tier"


def _shown(conditions: LegalConditions, key: str) -> str:
    value = getattr(conditions, key)
    return f"[{', '.join(value)}]" if isinstance(value, tuple) else str(value).lower()
