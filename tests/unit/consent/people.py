"""Callers and agreements for the tests of this room."""

from __future__ import annotations

from typing import Any

from gateway_ext.consent.rules import Agreement, ConsentRules, Party, PartyKind
from gateway_ext.exchange import CredentialClass, Principal

CONSOLE = "https://console.example.eu"
TERMS = Agreement("terms", "2", "Terms of use", PartyKind.PERSON)
APPLICANTS = Agreement(
    "applicants", "1", "Applicants' data", PartyKind.TEAM, purposes=frozenset({"hr-screening"}), url="https://a.example"
)
RULES = ConsentRules((TERMS, APPLICANTS))
ADA = Party(PartyKind.PERSON, "ada")
HR = Party(PartyKind.TEAM, "hr")


def person(**changes: Any) -> Principal:
    """ada of team hr, by single sign-on."""
    values: dict[str, Any] = {
        "subject": "ada",
        "kind": "person",
        "issuer": "company",
        "credential_class": CredentialClass.SSO,
        "credential_id": "",
        "team": "hr",
    }
    return Principal(**(values | changes))


def service(**changes: Any) -> Principal:
    """screener of team hr."""
    return person(subject="screener", kind="service", credential_class=CredentialClass.SERVICE, **changes)
