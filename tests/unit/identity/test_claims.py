from __future__ import annotations

import dataclasses

import pytest

from gateway_ext.errors import CertificateMismatch, ClaimMissing, CredentialOnWrongInterface, Unauthenticated
from gateway_ext.exchange import ClientCertificate, CredentialClass, Interface, VerifiedClaims
from gateway_ext.identity.claims import authenticate
from gateway_ext.identity.rules import IdentityRules, IssuerRule

COMPANY = IssuerRule(
    name="company",
    credential_class=CredentialClass.SSO,
    kind="person",
    interfaces=frozenset({Interface.PUBLIC}),
    claims={"subject": "email", "team": "org.team", "groups": "groups", "project": "https://corp.example/project"},
    required=frozenset({"team"}),
    defaults={"environment": "production"},
)
SERVICE = IssuerRule(
    name="service",
    credential_class=CredentialClass.SERVICE,
    kind="service",
    interfaces=frozenset({Interface.INTERNAL}),
    claims={"subject": "sub"},
)
RULES = IdentityRules(issuers={"company": COMPANY, "service": SERVICE}, access=())


def claims(**values: object) -> VerifiedClaims:
    return VerifiedClaims({"email": "ada@corp.example", "org": {"team": "data"}, **values})


def test_a_person_is_made_of_mapped_claims() -> None:
    values = claims(groups=["llm-users", "dev"], **{"https://corp.example/project": "atlas"})
    principal = authenticate({"company": values}, Interface.PUBLIC, RULES)
    assert principal.subject == "ada@corp.example"
    assert principal.team == "data"
    assert principal.project == "atlas"  # a namespaced claim, dots and all
    assert principal.groups == {"llm-users", "dev"}
    assert principal.environment == "production"
    assert principal.credential_class is CredentialClass.SSO


def test_email_and_cost_center_are_texts_or_nothing() -> None:
    rule = dataclasses.replace(COMPANY, claims={**COMPANY.claims, "email": "email", "cost_center": "cost.center"})
    rules = IdentityRules({"company": rule}, ())
    for center, expected in (("4711", "4711"), (4711, ""), (None, ""), ("x" * 257, ""), ("a\nb", "")):
        person = authenticate({"company": claims(cost={"center": center})}, Interface.PUBLIC, rules)
        assert (person.email, person.cost_center) == ("ada@corp.example", expected)


def test_one_group_as_a_string() -> None:
    assert authenticate({"company": claims(groups="dev")}, Interface.PUBLIC, RULES).groups == {"dev"}


@pytest.mark.parametrize("found", [{}, {"stranger": claims()}, {"company": claims(), "service": claims(sub="x")}])
def test_no_token_an_unknown_issuer_or_two_tokens_identify_nobody(found: dict[str, VerifiedClaims]) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(found, Interface.PUBLIC, RULES)


def test_a_credential_on_the_wrong_interface() -> None:
    with pytest.raises(CredentialOnWrongInterface):
        authenticate({"company": claims()}, Interface.INTERNAL, RULES)
    with pytest.raises(CredentialOnWrongInterface):
        authenticate({"service": claims(sub="batch")}, Interface.PUBLIC, RULES)


@pytest.mark.parametrize(
    "values",
    [
        {"email": ""},
        {"email": 7},
        {"email": None},
        {"email": "a" * 257},
        {"email": "ada\n@corp.example"},
        {"org": {}},
        {"org": "data"},
    ],
)
def test_a_missing_or_unusable_claim_is_named_but_never_quoted(values: dict[str, object]) -> None:
    with pytest.raises(ClaimMissing) as caught:
        authenticate({"company": claims(**values)}, Interface.PUBLIC, RULES)
    assert ("email" in str(caught.value)) == ("email" in values)
    assert "ada" not in str(caught.value)


def test_groups_of_the_wrong_type_are_no_groups() -> None:
    assert authenticate({"company": claims(groups={"a": 1})}, Interface.PUBLIC, RULES).groups == frozenset()
    assert authenticate({"company": claims(groups=["a", 1, None])}, Interface.PUBLIC, RULES).groups == {"a"}


PERSONAL = IssuerRule(
    name="personal",
    credential_class=CredentialClass.PERSONAL,
    kind="person",
    interfaces=frozenset({Interface.PUBLIC}),
    claims={"subject": "sub"},
)


def narrowed(values: dict[str, object]) -> tuple[str, ...] | None:
    rules = IdentityRules(issuers={"personal": PERSONAL}, access=())
    found = {"personal": VerifiedClaims({"sub": "ada", **values})}
    return authenticate(found, Interface.PUBLIC, rules).models


def test_a_credential_of_ours_may_be_narrowed_to_models() -> None:
    assert narrowed({"models": ["assistant", "gpt-*"]}) == ("assistant", "gpt-*")
    assert narrowed({}) is None


@pytest.mark.parametrize("value", [None, "assistant", [], [1], {"assistant": True}, ["x" * 300], ["a"] * 513])
def test_a_narrowing_that_cannot_be_understood_leaves_nothing(value: object) -> None:
    assert narrowed({"models": value}) == ()


def test_a_claim_of_the_companys_tokens_that_is_called_models_means_nothing() -> None:
    assert authenticate({"company": claims(models=["x"])}, Interface.PUBLIC, RULES).models is None


def test_a_bound_token_without_its_certificate_identifies_nobody() -> None:
    rules = IdentityRules(issuers={"service": dataclasses.replace(SERVICE, is_bound=True)}, access=())
    found = {"service": VerifiedClaims({"sub": "batch", "client_uri": "spiffe://example/batch"})}
    with pytest.raises(CertificateMismatch):
        authenticate(found, Interface.INTERNAL, rules)
    with pytest.raises(CertificateMismatch):
        authenticate(found, Interface.INTERNAL, rules, ClientCertificate(uri="spiffe://example/other"))
    shown = ClientCertificate(uri="spiffe://example/batch")
    assert authenticate(found, Interface.INTERNAL, rules, shown).subject == "batch"


def test_spellings_of_an_address_are_one_account_where_policy_says_so() -> None:
    rule = dataclasses.replace(COMPANY, lowercase=frozenset({"subject", "email"}))
    found = {"company": claims(email="Ada@Corp.Example")}
    person = authenticate(found, Interface.PUBLIC, IdentityRules({"company": rule}, ()))
    assert person.subject == "ada@corp.example"
    assert authenticate(found, Interface.PUBLIC, RULES).subject == "Ada@Corp.Example"
