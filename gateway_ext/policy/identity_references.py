"""Between identity.yaml and access.yaml: front ends that nobody vouches for, and access rules that no caller can meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gateway_ext.exchange import CredentialClass
from gateway_ext.policy import identity_schema
from gateway_ext.policy.compile_catalog import catalog
from gateway_ext.policy.problems import Problem, suggestion
from gateway_ext.policy.yaml_source import Location, Source
from gateway_ext.routing.catalog import CatalogEntry

if TYPE_CHECKING:
    from gateway_ext.policy.references import PolicyFiles

_FIELD_OF = {
    "groups": "groups",
    "teams": "team",
    "environments": "environment",
    "applications": "application",
    "projects": "project",
    "purposes": "purpose",
}


def front_end_faults(source: Source, identity: identity_schema.IdentityFile) -> Iterator[Problem]:
    """Front ends whose service or people are not what they must be."""
    services: dict[tuple[str, str], str] = {}
    for name, front_end in identity.front_ends.items():
        location: Location = ("front_ends", name)
        for key, issuer in (("issuer", front_end.issuer), ("people", front_end.people)):
            if issuer not in identity.issuers:
                message = f"unknown issuer '{issuer}'{suggestion(issuer, identity.issuers)}"
                yield source.problem((*location, key), message)
        service, people = identity.issuers.get(front_end.issuer), identity.issuers.get(front_end.people)
        if service and not (service.credential_class is CredentialClass.SERVICE and service.is_bound):
            message = f"issuer '{front_end.issuer}' must be of class service, with tokens bound to a client certificate"
            yield source.problem((*location, "issuer"), message)
        if people and people.kind != "person":
            message = f"issuer '{front_end.people}' has no people; name one of kind person"
            yield source.problem((*location, "people"), message)
        first = services.setdefault((front_end.issuer, front_end.subject or name), name)
        if first != name:
            message = f"is the same service as '{first}'; keep one of them"
            yield source.problem(location, f"'{name}' {message}", of_key=True)


def login_faults(source: Source, identity: identity_schema.IdentityFile) -> Iterator[Problem]:
    """Identity providers of the console whose people nobody knows how to read."""
    for name in identity.console.logins:
        issuer = identity.issuers.get(name)
        if issuer is None:
            message = f"unknown issuer '{name}'{suggestion(name, identity.issuers)}; a login has the name of its issuer"
            yield source.problem(("console", "logins", name), message, of_key=True)
        elif issuer.credential_class is not CredentialClass.SSO or issuer.bound:
            message = f"issuer '{name}' must be of class sso, with tokens that need no client certificate"
            yield source.problem(("console", "logins", name), message, of_key=True)


def front_end_warnings(source: Source, identity: identity_schema.IdentityFile) -> Iterator[Problem]:
    """Front ends whose people would have as many accounts as there are spellings of their address."""
    for name, front_end in identity.front_ends.items():
        header = front_end.asserts["subject"]
        if "mail" in header and "subject" not in identity.issuers[front_end.people].lowercase:
            message = (
                f"'{header}' has e-mail addresses, and two spellings of one are two accounts;"
                f" add 'lowercase: [subject, email]' to issuer '{front_end.people}'"
            )
            yield source.problem(("front_ends", name, "asserts", "subject"), message)


def access_warnings(source: Source, files: PolicyFiles) -> Iterator[Problem]:
    """Rules, or parts of them, that grant nobody anything; models that no rule grants."""
    granted: set[str] = set()
    entries = catalog(files.providers, files.models)
    for index, rule in enumerate(files.access.access):
        matching: set[str] = set()
        for position, pattern in enumerate(rule.models):
            found = {name for name in files.models.models if fnmatchcase(name, pattern)}
            matching |= found
            if not found:
                location = ("access", index, "models", position)
                yield source.problem(location, f"'{pattern}' matches no model of models.yaml, so it grants nothing")
        granted |= matching
        yield from _out_of_reach(source, index, matching, files, entries)
        yield from _never_met(source, index, files)
    if unreachable := sorted(files.models.models.keys() - granted):
        message = f"no rule grants anyone the use of: {', '.join(unreachable)}"
        yield source.problem(("access",), message, of_key=True)


def _out_of_reach(
    source: Source, index: int, models: set[str], files: PolicyFiles, entries: Mapping[str, CatalogEntry]
) -> Iterator[Problem]:
    """When none of the deployments of `models` is what the rule grants of them."""
    rule = files.access.access[index]
    providers = files.providers.providers
    deployments = [entries[each.cluster(name)] for name in models for each in files.models.models[name].deployments]
    dialects = {endpoint.dialect for endpoint in rule.endpoints}
    spoken = [each for each in deployments if not dialects or providers[each.provider].dialect in dialects]
    if deployments and not spoken:
        message = "no deployment of these models speaks the dialect of these endpoints, so the rule grants nothing"
        yield source.problem(("access", index, "endpoints"), message, of_key=True)
    elif spoken and rule.tiers and not any(each.tier in rule.tiers for each in spoken):
        message = "no deployment of these models (at these endpoints) is in these tiers, so the rule grants nothing"
        yield source.problem(("access", index, "tiers"), message, of_key=True)


def _never_met(source: Source, index: int, files: PolicyFiles) -> Iterator[Problem]:
    """When no issuer has callers that meet a condition of the rule."""
    rule, identity = files.access.access[index], files.identity
    classes = rule.credential_classes
    issuers = {name: each for name, each in identity.issuers.items() if not classes or each.credential_class in classes}
    if not issuers:
        message = f"no issuer of identity.yaml is of class {' or '.join(classes)}, so the rule grants nothing"
        yield source.problem(("access", index, "credential_classes"), message, of_key=True)
        return
    asserted = {name for each in identity.front_ends.values() if each.issuer in issuers for name in each.asserts}
    for condition, field in _FIELD_OF.items():
        wanted = getattr(rule, condition)
        if wanted and not any(
            field in asserted or field in each.claims or each.defaults.get(field) in wanted  # type: ignore[call-overload]  # the keys are text
            for each in issuers.values()
        ):
            message = f"no issuer of identity.yaml has callers with such a '{field}', so the rule grants nothing"
            yield source.problem(("access", index, condition), message, of_key=True)
