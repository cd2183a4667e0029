import dataclasses
from typing import Any

import pytest

from gateway_ext.consent.rules import ConsentRules, Party, PartyKind
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass
from tests.unit.consent.people import ADA, APPLICANTS, HR, RULES, TERMS, person, service


def test_what_each_person_accepts_is_asked_of_no_service() -> None:
    assert TERMS.concerns(person())
    assert not TERMS.concerns(service())


def test_a_team_s_agreement_concerns_services_too() -> None:
    assert APPLICANTS.concerns(service(purpose="hr-screening"))
    assert not APPLICANTS.concerns(service(purpose="support"))
    assert not APPLICANTS.concerns(person())


@pytest.mark.parametrize(
    ("condition", "value", "fits"),
    [
        ("teams", "hr", {"team": "hr"}),
        ("groups", "staff", {"groups": frozenset({"staff", "others"})}),
        ("subjects", "ada", {"subject": "ada"}),
        ("applications", "screening", {"application": "screening"}),
        ("purposes", "hr-screening", {"purpose": "hr-screening"}),
        ("environments", "production", {"environment": "production"}),
        ("credential_classes", CredentialClass.PERSONAL, {"credential_class": CredentialClass.PERSONAL}),
    ],
)
def test_every_condition_that_is_written_must_hold(condition: str, value: str, fits: dict[str, Any]) -> None:
    conditions: dict[str, Any] = {condition: frozenset({value})}
    agreement = dataclasses.replace(TERMS, **conditions)
    assert agreement.concerns(person(**fits))
    stranger = {
        "team": "it",
        "subject": "bob",
        **{key: type(found)() for key, found in fits.items() if key == "groups"},
    }
    assert not agreement.concerns(person(**stranger))
    both = dataclasses.replace(agreement, teams=frozenset({"hr"}))
    assert not both.concerns(person(**(fits | {"team": "it"})))


def test_what_goes_by_a_credential_does_not_hide_it_from_its_owner() -> None:
    assert APPLICANTS.may_concern(person())
    assert not dataclasses.replace(APPLICANTS, teams=frozenset({"it"})).may_concern(person())


def test_a_person_is_the_same_whichever_issuer_vouches() -> None:
    key = person(issuer="personal", credential_class=CredentialClass.PERSONAL)
    assert TERMS.party(key) == TERMS.party(person()) == ADA
    assert APPLICANTS.party(person()) == APPLICANTS.party(service()) == HR


@pytest.mark.parametrize("team", ["", " "])
def test_who_has_no_team_is_of_no_party(team: str) -> None:
    assert APPLICANTS.party(person(team=team)) is None


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 257])
def test_a_party_is_one_printable_line(name: str) -> None:
    with pytest.raises(ConfigurationError, match="one line"):
        Party(PartyKind.PERSON, name)


def test_an_unknown_agreement_is_told_with_the_known_ones() -> None:
    assert RULES.find("terms") is TERMS
    with pytest.raises(ConfigurationError, match=r"no agreement 'term' .*known: terms, applicants"):
        RULES.find("term")
    with pytest.raises(ConfigurationError, match="none"):
        ConsentRules().find("terms")
