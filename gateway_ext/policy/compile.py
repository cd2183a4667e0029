"""From the files' shapes to the rules that the rooms judge by. Pure; its input has passed every check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from gateway_ext.alerts.rules import AlertRules, BudgetAlerts, Channel, Email, Encryption, Webhook
from gateway_ext.budget.prices import Schedule
from gateway_ext.budget.rules import BudgetRule, BudgetRules, Scope
from gateway_ext.budget.windows import Window
from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.vocabulary import ACCESS
from gateway_ext.consent.rules import Agreement, ConsentRules
from gateway_ext.credentials.rules import Bounds, CredentialRules
from gateway_ext.guard.detector import Classifier
from gateway_ext.identity.access import AccessRule
from gateway_ext.identity.rules import FrontEnd, IdentityRules, IssuerRule, LoginRule, RoleRule
from gateway_ext.policy import alerts_schema, fields, identity_schema, schema
from gateway_ext.policy.agreements_schema import AgreementsFile, Concerned
from gateway_ext.policy.audit_schema import audit_rules
from gateway_ext.policy.compile_guard import guard_policy
from gateway_ext.policy.compile_quotas import priority_rules, quota_rule
from gateway_ext.policy.compile_routing import routing_rules
from gateway_ext.policy.price_book import schedules
from gateway_ext.policy.references import PolicyFiles
from gateway_ext.policy.snapshot import Snapshot

_Value = TypeVar("_Value")


def compile_snapshot(
    files: PolicyFiles, detectors: Mapping[str, str], dictionaries: Sequence[Classifier], digest: str
) -> Snapshot:
    """The snapshot of `files`. `detectors` maps each detector the Guard has to its data class."""
    return Snapshot(
        digest=digest,
        identity=_identity(files.identity, files.access),
        credentials=_credentials(files.identity, files.budgets.currency),
        budget=_budget(files.budgets, schedules(files.models, files.prices, files.budgets)),
        alerts=_alerts(files.budgets),
        guard=guard_policy(files.guard, detectors, dictionaries),
        routing=routing_rules(files.routing, files.providers, files.models, detectors),
        consent=_consent(files.agreements),
        audit=audit_rules(files.audit),
    )


def _frozen(mapping: Mapping[Any, _Value]) -> Mapping[str, _Value]:
    """A view of a copy: nothing that holds a snapshot can change it."""
    return MappingProxyType(dict(mapping))


def _identity(identity: identity_schema.IdentityFile, access: identity_schema.AccessFile) -> IdentityRules:
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
            when=compile_condition(rule.when, ACCESS, rule=f"access:{rule.name}") if rule.when else None,
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


def _front_ends(identity: identity_schema.IdentityFile) -> Iterator[FrontEnd]:
    for name, written in identity.front_ends.items():
        yield FrontEnd(
            name=name,
            issuer=written.issuer,
            subject=written.subject or name,
            people=written.people,
            asserts=_frozen(written.asserts),
            is_required=written.required,
            percent_encoded=frozenset(written.percent_encoded),
            labels_header=written.labels_header or "",
            conversation_header=written.conversation_header or "",
        )


def _roles(console: identity_schema.Console) -> tuple[RoleRule, ...]:
    return tuple(
        RoleRule(role, frozenset(holders.groups), frozenset(holders.teams), frozenset(holders.subjects))
        for role, holders in console.roles.items()
    )


def _logins(console: identity_schema.Console) -> Mapping[str, LoginRule]:
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


def _credentials(identity: identity_schema.IdentityFile, currency: str) -> CredentialRules:
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


def _budget(budgets: schema.BudgetsFile, prices: Mapping[str, Schedule]) -> BudgetRules:
    return BudgetRules(
        currency=budgets.currency,
        hold_ttl_seconds=budgets.hold_ttl_seconds,
        budgets=tuple(_budget_rule(written, budgets) for written in budgets.budgets),
        quotas=tuple(map(quota_rule, budgets.quotas)),
        priorities=priority_rules(budgets.priorities),
        prices=_frozen(prices),
        organisation=budgets.organisation.name,
        business_units=_frozen(
            {team: unit for unit, teams in budgets.organisation.business_units.items() for team in teams}
        ),
        timezone=budgets.timezone,
        output_tokens_min=budgets.on_exhausted.output_tokens_min if budgets.on_exhausted.cap_output else None,
        cuts_over_hold=budgets.on_over_hold == "cut",
        admits_within_lease=budgets.on_ledger_loss == "admit_within_lease",
    )


def _budget_rule(written: schema.Budget, budgets: schema.BudgetsFile) -> BudgetRule:
    calendar, length_seconds = fields.window(written.window)
    return BudgetRule(
        name=written.name,
        scope=written.scope,
        match=written.match,
        limit_nano=written.amount,
        window=Window(calendar, written.timezone or budgets.timezone, budgets.fiscal_year_begins_in, length_seconds),
        models=written.models,
        per_model=written.per_model,
        is_hard=written.hard,
        carries_max_nano=written.carry_over,
        is_required=written.required,
    )


def _alerts(budgets: schema.BudgetsFile) -> AlertRules:
    general = budgets.alerts
    channels: list[Channel] = [Webhook(name, hook.url, hook.ca_file) for name, hook in general.webhooks.items()]
    channels += [_mail(name, mail) for name, mail in general.mails.items()]
    names = tuple(channel.name for channel in channels)
    return AlertRules(
        _frozen({rule.name: _budget_alerts(rule, general, names) for rule in budgets.budgets}), tuple(channels)
    )


def _budget_alerts(budget: schema.Budget, general: alerts_schema.Alerts, channels: tuple[str, ...]) -> BudgetAlerts:
    written = budget.alerts
    if (
        budget.scope is Scope.AGENT_RUN
    ):  # there is no end to runs: of them only what is asked for is told, and remembered
        general = general.model_copy(update={"thresholds": (), "forecast": False})
    return BudgetAlerts(
        thresholds=tuple(sorted(general.thresholds if written.thresholds is None else written.thresholds)),
        forecast=general.forecast if written.forecast is None else written.forecast,
        channels=channels if written.channels is None else written.channels,
    )


def _mail(name: str, written: alerts_schema.Mail) -> Email:
    return Email(
        name=name,
        host=written.server,
        port=written.port or (587 if written.encryption is Encryption.STARTTLS else 465),
        sender=written.sender,
        recipients=written.recipients,
        encryption=written.encryption,
        is_authenticated=written.login,
        ca_file=written.ca_file,
    )
