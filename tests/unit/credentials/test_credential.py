"""Whom a credential speaks for."""

from __future__ import annotations

from gateway_ext.credentials.credential import Owner, owner_of
from gateway_ext.exchange import CredentialClass, Principal


def test_the_owner_is_who_has_logged_in_with_all_that_is_known_of_them() -> None:
    anna = Principal(
        subject="anna",
        kind="person",
        issuer="company",
        credential_class=CredentialClass.SSO,
        credential_id="login-1",
        team="engines",
        project="atlas",
        application="console",
        environment="production",
        groups=frozenset({"b", "a"}),
        purpose="not theirs to carry on",
        email="anna@example.com",
        cost_center="4711",
    )
    assert owner_of(anna) == Owner(
        subject="anna",
        team="engines",
        groups=("a", "b"),
        project="atlas",
        application="console",
        environment="production",
        email="anna@example.com",
        cost_center="4711",
    )
