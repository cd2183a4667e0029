"""From routing.yaml, providers.yaml and models.yaml to the rules that requests are routed by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from gateway_ext.exchange import ENDPOINTS_OF, Candidate, Dialect
from gateway_ext.policy import fields, schema
from gateway_ext.policy.compile_catalog import catalog
from gateway_ext.policy.compile_data_classes import classification
from gateway_ext.policy.compile_rules import rule_of, sovereign_class
from gateway_ext.policy.compile_strategies import shadow_of, strategy_of
from gateway_ext.routing.catalog import CatalogEntry
from gateway_ext.routing.rules import Provider, RoutingRules, SovereignRule, VirtualModel

_OPENAI_HOSTS = ("api.openai.com", ".openai.azure.com")


def routing_rules(
    routing: schema.RoutingFile,
    providers: schema.ProvidersFile,
    models: schema.ModelsFile,
    detectors: Mapping[str, str],
) -> RoutingRules:
    """`detectors`: each that the Guard has, with its class there."""
    upstreams = {name: _provider(name, written) for name, written in providers.providers.items()}
    entries = catalog(providers, models)
    sovereign = sovereign_class(routing.sovereign, entries)
    classified = classification(routing.data_classes, sovereign, routing.tier_names, entries, detectors)
    own = {
        name: tuple(_candidate(each, entries[each.cluster(name)], upstreams) for each in model.deployments)
        for name, model in models.models.items()
    }
    virtual = {
        name: VirtualModel(
            name=name,
            deployments=own[name] + _substitutes(name, model, own, models),
            output_tokens_max=model.output_tokens_max,
            context_tokens=model.context_tokens,
            tokenizer=model.tokenizer or "",
            output_tokens_field=model.output_tokens_field or _output_tokens_field(model, upstreams),
            thinking=model.thinking,
            degrade_to=model.degrade_to or "",
            strategy=strategy_of(name, model),
            larger=model.larger or "",
            drops_oldest=model.on_too_long == "drop_oldest",
            otherwise=model.otherwise or "",
            shadow=shadow_of(model),
        )
        for name, model in models.models.items()
    }
    return RoutingRules(
        tiers=routing.tier_names,
        sovereign=SovereignRule(frozenset(routing.sovereign.tiers), frozenset(routing.sovereign.jurisdictions)),
        models=MappingProxyType(virtual),
        providers=MappingProxyType(upstreams),
        keeps_unknown_fields=routing.unknown_fields == "keep",
        avoids_failing=routing.on_failing == "avoid",
        usage_chunk=routing.usage_chunk,
        metering=routing.metering,
        cuts_streams=routing.on_stop.running_streams == "cut",
        first_token_seconds=routing.first_token_seconds,
        catalog=entries,
        data_classes=classified.classes,
        classification=classified,
        rules=tuple(rule_of(rule, routing.tier_names, entries) for rule in routing.rules),
    )


def _substitutes(
    name: str, model: schema.Model, own: Mapping[str, tuple[Candidate, ...]], models: schema.ModelsFile
) -> tuple[Candidate, ...]:
    """The deployments that `otherwise` adds to those of the model itself."""
    if model.otherwise is None:
        return ()
    clusters, context_tokens = {each.cluster for each in own[name]}, models.models[model.otherwise].context_tokens
    return tuple(
        replace(each, substitute_for=name, context_tokens=each.context_tokens or context_tokens)
        for each in own[model.otherwise]
        if each.cluster not in clusters
    )


def _output_tokens_field(model: schema.Model, providers: Mapping[str, Provider]) -> str:
    """OpenAI's own reasoning models refuse `max_tokens`, many compatible servers pass over `max_completion_tokens`."""
    serving = [providers[each.provider] for each in model.deployments]
    hosts = [provider.host for provider in serving if provider.dialect is Dialect.OPENAI]
    is_theirs = bool(hosts) and all(host.endswith(_OPENAI_HOSTS) for host in hosts)
    return "max_completion_tokens" if is_theirs else "max_tokens"


def _provider(name: str, written: schema.Provider) -> Provider:
    parts = fields.endpoint(written.url)
    default_credential = name if "credential" not in written.model_fields_set else ""
    header, prefix = _credential_place(written)
    return Provider(
        name=name,
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or (443 if parts.scheme == "https" else 80),
        base_path=parts.path,
        jurisdiction=written.jurisdiction,
        tier=written.tier,
        credential=written.credential or default_credential,
        credential_header=header,
        credential_prefix=prefix,
        ca_file=written.ca_file,
        dialect=written.dialect,
        endpoints=frozenset(written.endpoints) or ENDPOINTS_OF[written.dialect],
        field_names=MappingProxyType({field: name or "" for field, name in written.field_names.items()}),
        connections_max=written.connections_max,
        requests_max=written.requests_max,
    )


def _credential_place(written: schema.Provider) -> tuple[str, str]:
    """Header and prefix of the key: as written, else as usual in the dialect; a bearer token in `authorization` always."""
    is_anthropic = written.dialect is Dialect.ANTHROPIC and "credential_header" not in written.model_fields_set
    header = "x-api-key" if is_anthropic else written.credential_header
    if "credential_prefix" in written.model_fields_set:
        return header, written.credential_prefix
    return header, "" if written.dialect is Dialect.ANTHROPIC and header != "authorization" else "Bearer "


def _candidate(written: schema.Deployment, entry: CatalogEntry, providers: Mapping[str, Provider]) -> Candidate:
    return Candidate(
        cluster=entry.cluster,
        provider=entry.provider,
        model=entry.model,
        jurisdiction=entry.jurisdiction,
        tier=entry.tier,
        endpoints=providers[entry.provider].endpoints,
        weight=1 if written.weight is None else written.weight,
        context_tokens=written.context_tokens or 0,
        capabilities=None if written.capabilities is None else frozenset(written.capabilities),
    )
