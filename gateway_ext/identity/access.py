"""Who may use which model. Default deny; rules only ever add."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from gateway_ext.exchange import Principal
from gateway_ext.identity.rules import AccessRule, IdentityRules


def matching_rule(principal: Principal, model: str, rules: IdentityRules) -> AccessRule | None:
    """The first access rule that entitles `principal` to `model`, or None. A credential can only narrow what they grant."""
    if principal.models is not None and not any(fnmatchcase(model, pattern) for pattern in principal.models):
        return None
    for rule in rules.access:
        if _applies(rule, principal) and any(fnmatchcase(model, pattern) for pattern in rule.models):
            return rule
    return None


def usable_models(principal: Principal, models: Iterable[str], rules: IdentityRules) -> tuple[str, ...]:
    """Those of `models` that `principal` may use, sorted."""
    return tuple(sorted(model for model in models if matching_rule(principal, model, rules)))


def _applies(rule: AccessRule, principal: Principal) -> bool:
    return (
        (not rule.groups or not rule.groups.isdisjoint(principal.groups))
        and (not rule.teams or principal.team in rule.teams)
        and (not rule.subjects or principal.subject in rule.subjects)
        and (not rule.credential_classes or principal.credential_class in rule.credential_classes)
    )
