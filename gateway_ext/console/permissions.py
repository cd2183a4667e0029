"""What each role may do. The whole of it: what is not listed is denied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from gateway_ext.identity.rules import Role


class Permission(StrEnum):
    """`own` is what concerns the person who asks; the others concern anybody."""

    OWN_CREDENTIALS = "credentials:own"
    OWN_AGREEMENTS = "agreements:own"
    OWN_BUDGETS = "budgets:own"  # what they, their team and their project have left
    CREDENTIALS_READ = "credentials:read"
    CREDENTIALS_REVOKE = "credentials:revoke"
    SERVICES_MINT = "services:mint"  # and rotate
    KEYS_READ = "keys:read"  # which keys sign credentials
    KEYS_ROTATE = "keys:rotate"
    ORDERS_READ = "orders:read"
    ORDERS_STOP = "orders:stop"  # stop and resume
    PEOPLE_DISABLE = "people:disable"  # and enable
    BUDGETS_READ = "budgets:read"  # what is left of budgets and quotas, and what was granted on top
    BUDGETS_TOP_UP = "budgets:top-up"  # grant on top, and end that
    AGREEMENTS_READ = "agreements:read"
    AGREEMENTS_OF_TEAMS = "agreements:teams"  # accept and withdraw for a team


_OWN = {Permission.OWN_CREDENTIALS, Permission.OWN_AGREEMENTS, Permission.OWN_BUDGETS}
_READ = {
    Permission.CREDENTIALS_READ,
    Permission.KEYS_READ,
    Permission.ORDERS_READ,
    Permission.BUDGETS_READ,
    Permission.AGREEMENTS_READ,
}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.DEVELOPER: frozenset(_OWN),
    Role.ADMIN: frozenset(Permission),
    Role.SECURITY_OFFICER: frozenset(
        {
            Permission.OWN_AGREEMENTS,
            Permission.OWN_BUDGETS,
            *_READ,
            Permission.CREDENTIALS_REVOKE,
            Permission.KEYS_ROTATE,
            Permission.ORDERS_STOP,
            Permission.PEOPLE_DISABLE,
        }
    ),
    Role.AUDITOR: frozenset({Permission.OWN_AGREEMENTS, Permission.OWN_BUDGETS, *_READ}),
}


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """All that any of `roles` may do."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))
