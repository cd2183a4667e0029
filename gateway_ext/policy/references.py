"""What only shows when the files of a directory are read together: names, contradictions, and rules that do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway_ext.budget.rules import Scope
from gateway_ext.guard.catalog import CONFIDENTIAL
from gateway_ext.policy import guard_schema, identity_schema, schema
from gateway_ext.policy.agreement_references import agreement_warnings
from gateway_ext.policy.agreements_schema import AgreementsFile
from gateway_ext.policy.audit_schema import AuditFile, audit_faults
from gateway_ext.policy.compile_catalog import catalog
from gateway_ext.policy.data_class_references import data_class_faults, data_class_warnings
from gateway_ext.policy.fields import KnownNames
from gateway_ext.policy.files import EVIDENCE, TERMS
from gateway_ext.policy.identity_references import access_warnings, front_end_faults, front_end_warnings, login_faults
from gateway_ext.policy.price_book import unused_prices
from gateway_ext.policy.prices_schema import Price, PricesFile
from gateway_ext.policy.problems import Problem, suggestion
from gateway_ext.policy.rule_references import rule_warnings
from gateway_ext.policy.strategy_references import shadow_faults, shadow_warnings, window_faults
from gateway_ext.policy.yaml_source import Location, Source


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The files, each in its own shape."""

    providers: schema.ProvidersFile
    models: schema.ModelsFile
    identity: identity_schema.IdentityFile
    access: identity_schema.AccessFile
    budgets: schema.BudgetsFile
    guard: guard_schema.GuardFile
    routing: schema.RoutingFile
    prices: PricesFile = field(default_factory=PricesFile)
    agreements: AgreementsFile = field(default_factory=AgreementsFile)
    audit: AuditFile = field(default_factory=AuditFile)


def declared_names(sources: Mapping[str, Source], files: Iterable[str], detectors: Iterable[str]) -> KnownNames:
    """What the files may refer to. Taken from the text itself, so that one fault does not hide or cause another."""
    terms = frozenset(name for name in files if name.endswith(TERMS))
    evidence = frozenset(name for name in files if name.endswith(EVIDENCE))
    names = {"detector": frozenset(detectors), "terms file": terms, "evidence file": evidence}
    for kind, file, key, holder, declared in _DECLARED:
        source = sources.get(file)
        listed = source.document.get(key) if source and isinstance(source.document, dict) else None
        if isinstance(listed, holder):
            names[kind] = frozenset(name for name in declared(listed) if isinstance(name, str))
    return names


def _tiers(written: tuple[Any, ...]) -> Iterator[Any]:
    return (tier.get("name") if isinstance(tier, dict) else tier for tier in written)


def _deployments(written: Mapping[str, Any]) -> Iterator[str]:
    for virtual, model in written.items():
        listed = model.get("deployments") if isinstance(model, dict) else None
        for each in listed if isinstance(listed, tuple) else ():
            if isinstance(each, dict):
                yield f"{each.get('provider')}/{each.get('model') or virtual}"


_DECLARED: tuple[tuple[str, str, str, type, Callable[[Any], Iterable[Any]]], ...] = (
    ("provider", "providers.yaml", "providers", dict, iter),
    ("tier", "routing.yaml", "tiers", tuple, _tiers),
    ("deployment", "models.yaml", "models", dict, _deployments),
)
"""Kind of name, the file and key below which it is declared, and how the names are found there."""


def dictionary_detectors(sources: Mapping[str, Source]) -> Mapping[str, str]:
    """The detectors that guard.yaml makes by naming dictionaries, with their data class."""
    source = sources.get("guard.yaml")
    written = source.document.get("dictionaries") if source and isinstance(source.document, dict) else None
    names = written if isinstance(written, dict) else ()
    return {f"dictionary_{name}": CONFIDENTIAL for name in names if isinstance(name, str)}


def contradictions(sources: Mapping[str, Source], shapes: Mapping[str, Any]) -> Iterator[Problem]:
    """Faults within one well-formed file that span several of its entries."""
    if models := shapes.get("models.yaml"):
        yield from _deployment_faults(sources["models.yaml"], models)
        yield from _succession_faults(sources["models.yaml"], models, "degrade_to", "smallest")
        yield from _succession_faults(sources["models.yaml"], models, "larger", "largest")
        yield from window_faults(sources["models.yaml"], models)
        yield from shadow_faults(sources["models.yaml"], models)
        yield from _succession_faults(sources["models.yaml"], models, "otherwise", "most sovereign")
    if routing := shapes.get("routing.yaml"):
        yield from _repeated_names(sources["routing.yaml"], "rules", [rule.name for rule in routing.rules])
        if routing.data_classes is not None:
            yield from data_class_faults(sources["routing.yaml"], routing.data_classes)
        if audit := shapes.get("audit.yaml"):
            yield from audit_faults(sources["audit.yaml"], audit, routing.data_classes)
    if identity := shapes.get("identity.yaml"):
        yield from front_end_faults(sources["identity.yaml"], identity)
        yield from login_faults(sources["identity.yaml"], identity)
    if access := shapes.get("access.yaml"):
        yield from _repeated_names(sources["access.yaml"], "access", [rule.name for rule in access.access])
    if guard := shapes.get("guard.yaml"):
        yield from _repeated_names(sources["guard.yaml"], "overrides", [override.name for override in guard.overrides])
    if budgets := shapes.get("budgets.yaml"):
        yield from _repeated_names(sources["budgets.yaml"], "budgets", [rule.name for rule in budgets.budgets])
        yield from _repeated_names(sources["budgets.yaml"], "quotas", [rule.name for rule in budgets.quotas])
        yield from _unknown_channels(sources["budgets.yaml"], budgets)
    if providers := shapes.get("providers.yaml"):
        for name, provider in providers.providers.items():
            if provider.ca_file and provider.url.lower().startswith("http:"):
                message = "'ca_file' has no use with an http:// url; use https://, or remove it"
                yield sources["providers.yaml"].problem(("providers", name, "ca_file"), message)


def _repeated_names(source: Source, key: str, names: list[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if (first := names.index(name)) < index:
            line, _ = source.position((key, first, "name"))
            message = f"the name '{name}' is already used in line {line}; records could not tell the two apart"
            yield source.problem((key, index, "name"), message)


def _unknown_channels(source: Source, file: schema.BudgetsFile) -> Iterator[Problem]:
    known = {*file.alerts.webhooks, *file.alerts.mails}
    for index, rule in enumerate(file.budgets):
        for place, channel in enumerate(rule.alerts.channels or ()):
            if channel not in known:
                message = f"unknown channel '{channel}'{suggestion(channel, known)}"
                yield source.problem(("budgets", index, "alerts", "channels", place), message)


def _deployment_faults(source: Source, file: schema.ModelsFile) -> Iterator[Problem]:
    priced: dict[str, tuple[Price, Location]] = {}
    for name, model in file.models.items():
        clusters: set[str] = set()
        for index, deployment in enumerate(model.deployments):
            location = ("models", name, "deployments", index)
            cluster = deployment.cluster(name)
            if cluster in clusters:
                yield source.problem(location, f"'{cluster}' is listed twice for '{name}'; keep one")
            clusters.add(cluster)
            if deployment.price is None:
                continue
            price, first = priced.setdefault(cluster, (deployment.price, location))
            if price.rates() != deployment.price.rates():
                line, _ = source.position((*first, "price"), of_key=True)
                message = f"'{cluster}' has another price in line {line}; one deployment has one price"
                yield source.problem((*location, "price"), message, of_key=True)


def _succession_faults(source: Source, file: schema.ModelsFile, key: str, last: str) -> Iterator[Problem]:
    """Of a key that names the model that serves in place of another; `last`: which one has no such key."""
    successors = {
        name: next_one for name, model in file.models.items() if (next_one := getattr(model, key)) is not None
    }
    circles: set[str] = set()
    for name, first in successors.items():
        location = ("models", name, key)
        if first not in file.models:
            yield source.problem(location, f"no model '{first}'{suggestion(first, file.models)}")
        following, passed = first, {name}
        while following in successors and following not in passed:
            passed.add(following)
            following = successors[following]
        if following in passed and not passed & circles:
            circles |= passed
            yield source.problem(location, f"leads to a model once more; end it at the {last} one")


def warnings(sources: Mapping[str, Source], files: PolicyFiles) -> Iterator[Problem]:
    """What is allowed but hardly meant: rules that name nothing, and policies that refuse everyone."""
    yield from access_warnings(sources["access.yaml"], files)
    if "agreements.yaml" in sources:
        yield from agreement_warnings(sources["agreements.yaml"], files)
    yield from front_end_warnings(sources["identity.yaml"], files.identity)
    used = {deployment.provider for model in files.models.models.values() for deployment in model.deployments}
    for name in files.providers.providers.keys() - used:
        yield sources["providers.yaml"].problem(("providers", name), f"no model uses provider '{name}'", of_key=True)
    if not any(budget.hard and budget.scope is not Scope.AGENT_RUN for budget in files.budgets.budgets):
        what = "no hard budget but of runs, which callers name as they like," if files.budgets.budgets else "no budget,"
        yield sources["budgets.yaml"].problem(
            ("budgets",), f"there is {what} so every request will be refused", of_key=True
        )
    yield from _sovereignty_warnings(sources["routing.yaml"], files)
    yield from rule_warnings(sources["routing.yaml"], files)
    yield from data_class_warnings(sources, files)
    yield from unused_prices(sources, files.models)
    yield from shadow_warnings(sources["models.yaml"], files.providers, files.models, files.routing.tier_names)


def _sovereignty_warnings(source: Source, files: PolicyFiles) -> Iterator[Problem]:
    routing, deployments = files.routing, catalog(files.providers, files.models).values()
    sovereign = routing.sovereign
    tiers = routing.tier_names
    lowest = min(tiers.index(tier) for tier in sovereign.tiers)
    if skipped := [tier for tier in tiers[lowest:] if tier not in sovereign.tiers]:
        message = f"'tiers' calls {', '.join(skipped)} more sovereign than '{tiers[lowest]}', yet not sovereign"
        yield source.problem(("sovereign", "tiers"), message, of_key=True)
    if not any(d.tier in sovereign.tiers and d.jurisdiction in sovereign.jurisdictions for d in deployments):
        message = "no deployment is sovereign, so content that detectors mark as sovereign will be refused"
        yield source.problem(("sovereign",), message, of_key=True)
