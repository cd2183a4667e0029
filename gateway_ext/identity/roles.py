"""Who may administrate. Default deny; rules only ever add."""

from __future__ import annotations

from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.identity.rules import IdentityRules, Role, RoleRule


def roles_of(principal: Principal, rules: IdentityRules) -> frozenset[Role]:
    """The roles of somebody who has logged in. A key of an application is nobody, whoever it was minted for."""
    if principal.credential_class is not CredentialClass.SSO:
        return frozenset()
    return frozenset(rule.role for rule in rules.roles if _applies(rule, principal))


def _applies(rule: RoleRule, principal: Principal) -> bool:
    if not (rule.groups or rule.teams or rule.subjects):
        return False
    return (
        (not rule.groups or not rule.groups.isdisjoint(principal.groups))
        and (not rule.teams or principal.team in rule.teams)
        and (not rule.subjects or principal.subject in rule.subjects)
    )
