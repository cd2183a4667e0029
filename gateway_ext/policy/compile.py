"""From the files' shapes to the rules that the rooms judge by. Pure; its input has passed every check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from gateway_ext.budget.rules import BudgetRule, BudgetRules, Price
from gateway_ext.consent.rules import Agreement, ConsentRules
from gateway_ext.credentials.rules import Bounds, CredentialRules
from gateway_ext.exchange import Candidate, Dialect
from gateway_ext.guard.detector import Classifier
from gateway_ext.identity.access import AccessRule
from gateway_ext.identity.rules import FrontEnd, IdentityRules, IssuerRule, LoginRule, RoleRule
from gateway_ext.policy import fields, schema
from gateway_ext.policy.compile_guard import guard_policy
from gateway_ext.policy.references import PolicyFiles
from gateway_ext.policy.schema_agreements import AgreementsFile, Concerned
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.rules import Provider, RoutingRules, SovereignRule, VirtualModel

_Value = TypeVar("_Value")


def compile_snapshot(
    files: PolicyFiles, detectors: Mapping[str, str], dictionaries: Sequence[Classifier], digest: str
) -> Snapshot:
    """The snapshot of `files`. `detectors` maps each detector the Guard has to its data class."""
    return Snapshot(
        digest=digest,
        identity=_identity(files.identity, files.access),
        credentials=_credentials(files.identity, files.budgets.currency),
        budget=_budget(files.budgets, files.models),
        guard=guard_policy(files.guard, detectors, dictionaries),
        routing=_routing(files.routing, files.providers, files.models),
        consent=_consent(files.agreements),
    )


def _frozen(mapping: Mapping[Any, _Value]) -> Mapping[str, _Value]:
    """A view of a copy: nothing that holds a snapshot can change it."""
    return MappingProxyType(dict(mapping))


def _identity(identity: schema.IdentityFile, access: schema.AccessFile) -> IdentityRules:
    issuers = {
        name: IssuerRule(
            name=name,
            credential_class=issuer.credential_class,
            kind=issuer.kind,
            interfaces=frozenset(issuer.interfaces),
            claims=_frozen(issuer.claims),
            required=frozenset(issuer.required) | {"subject"},
            defaults=_frozen(issuer.defaults),
            keys_max_age_seconds=issuer.keys_max_age_seconds,
            is_bound=issuer.is_bound,
            lowercase=frozenset(issuer.lowercase),
        )
        for name, issuer in identity.issuers.items()
    }
    rules = tuple(
        AccessRule(
            name=rule.name,
            models=rule.models,
            groups=frozenset(rule.groups),
            teams=frozenset(rule.teams),
            subjects=frozenset(rule.subjects),
            credential_classes=frozenset(rule.credential_classes),
            environments=frozenset(rule.environments),
            applications=frozenset(rule.applications),
            projects=frozenset(rule.projects),
            purposes=frozenset(rule.purposes),
            endpoints=frozenset(rule.endpoints),
            tiers=frozenset(rule.tiers),
        )
        for rule in access.access
    )
    return IdentityRules(
        issuers=_frozen(issuers),
        access=rules,
        roles=_roles(identity.console),
        logins=_frozen(_logins(identity.console)),
        front_ends=MappingProxyType({(each.issuer, each.subject): each for each in _front_ends(identity)}),
    )


def _front_ends(identity: schema.IdentityFile) -> Iterator[FrontEnd]:
    for name, written in identity.front_ends.items():
        yield FrontEnd(
            name=name,
            issuer=written.issuer,
            subject=written.subject or name,
            people=written.people,
            asserts=_frozen(written.asserts),
            is_required=written.required,
            percent_encoded=frozenset(written.percent_encoded),
        )


def _roles(console: schema.Console) -> tuple[RoleRule, ...]:
    return tuple(
        RoleRule(role, frozenset(holders.groups), frozenset(holders.teams), frozenset(holders.subjects))
        for role, holders in console.roles.items()
    )


def _logins(console: schema.Console) -> Mapping[str, LoginRule]:
    return {
        name: LoginRule(
            name=name,
            issuer_url=login.issuer,
            discovery_url=login.discovery or f"{login.issuer.rstrip('/')}/.well-known/openid-configuration",
            client_id=login.client_id,
            scopes=login.scopes,
        )
        for name, login in console.logins.items()
    }


def _credentials(identity: schema.IdentityFile, currency: str) -> CredentialRules:
    personal, service = identity.personal_credentials, identity.service_credentials
    return CredentialRules(
        personal=Bounds(personal.days_max, personal.days_default, personal.per_person_max, currency),
        service=Bounds(service.days_max, service.days_default, service.per_service_max, currency),
    )


def _consent(file: AgreementsFile) -> ConsentRules:
    return ConsentRules(
        agreements=tuple(
            Agreement(
                name=name,
                version=written.version,
                title=written.title,
                accepted_by=written.accepted_by,
                url=written.url or "",
                **_conditions(written.when),
            )
            for name, written in file.agreements.items()
        ),
        accept_at=file.accept_at or "",
    )


def _conditions(when: Concerned | None) -> dict[str, frozenset[Any]]:
    return {} if when is None else {key: frozenset(getattr(when, key)) for key in Concerned.model_fields}


def _budget(budgets: schema.BudgetsFile, models: schema.ModelsFile) -> BudgetRules:
    prices = {
        deployment.cluster(name): Price(*deployment.price.rates())
        for name, model in models.models.items()
        for deployment in model.deployments
    }
    return BudgetRules(
        currency=budgets.currency,
        timezone=budgets.timezone,
        hold_ttl_seconds=budgets.hold_ttl_seconds,
        budgets=tuple(
            BudgetRule(rule.name, rule.scope, rule.match, rule.amount, rule.window) for rule in budgets.budgets
        ),
        prices=_frozen(prices),
    )


def _routing(routing: schema.RoutingFile, providers: schema.ProvidersFile, models: schema.ModelsFile) -> RoutingRules:
    upstreams = {name: _provider(name, written) for name, written in providers.providers.items()}
    virtual = {
        name: VirtualModel(
            name=name,
            deployments=tuple(_candidate(name, deployment, upstreams) for deployment in model.deployments),
            output_tokens_max=model.output_tokens_max,
            context_tokens=model.context_tokens,
        )
        for name, model in models.models.items()
    }
    return RoutingRules(
        tiers=routing.tiers,
        sovereign=SovereignRule(frozenset(routing.sovereign.tiers), frozenset(routing.sovereign.jurisdictions)),
        models=_frozen(virtual),
        providers=_frozen(upstreams),
        usage_chunk=routing.usage_chunk,
        metering=routing.metering,
        cuts_streams=routing.on_stop.running_streams == "cut",
    )


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
    )


def _credential_place(written: schema.Provider) -> tuple[str, str]:
    """Header and prefix of the key: as written, else as usual in the dialect; a bearer token in `authorization` always."""
    is_anthropic = written.dialect is Dialect.ANTHROPIC and "credential_header" not in written.model_fields_set
    header = "x-api-key" if is_anthropic else written.credential_header
    if "credential_prefix" in written.model_fields_set:
        return header, written.credential_prefix
    return header, "" if written.dialect is Dialect.ANTHROPIC and header != "authorization" else "Bearer "


def _candidate(virtual_model: str, deployment: schema.Deployment, providers: Mapping[str, Provider]) -> Candidate:
    provider = providers[deployment.provider]
    return Candidate(
        cluster=deployment.cluster(virtual_model),
        provider=provider.name,
        model=deployment.model or virtual_model,
        jurisdiction=provider.jurisdiction,
        tier=provider.tier,
        dialect=provider.dialect,
    )
