import dataclasses

import pytest

from gateway_ext.consent.gate import require_accepted
from gateway_ext.consent.rules import ConsentRules, Party
from gateway_ext.errors import AgreementMissing
from gateway_ext.exchange import Principal
from tests.unit.consent.people import ADA, APPLICANTS, CONSOLE, HR, RULES, TERMS, person, service

PAGE = f"{CONSOLE}/agreements"


def refusal(
    principal: Principal, accepted: dict[Party, set[tuple[str, str]]], rules: ConsentRules = RULES, url: str = CONSOLE
) -> str:
    """The words for the caller; "" when the request may pass."""
    try:
        require_accepted(principal, rules, lambda party: accepted.get(party, set()), url)
    except AgreementMissing as missing:
        return str(missing)
    return ""


def test_the_message_says_what_to_accept_and_where() -> None:
    assert refusal(person(), {}) == f"You have to accept 'Terms of use' (version 2) first. Accept at: {PAGE}"
    assert refusal(person(), {ADA: {("terms", "2")}}) == ""


def test_the_trail_learns_which_agreements_were_missing() -> None:
    with pytest.raises(AgreementMissing) as caught:
        require_accepted(person(purpose="hr-screening"), RULES, lambda _: set(), CONSOLE)
    assert caught.value.rules == ("agreement:terms", "agreement:applicants")


def test_another_version_does_not_count() -> None:
    assert "(version 2)" in refusal(person(), {ADA: {("terms", "1")}})


def test_a_team_s_agreement_is_not_for_the_caller_to_accept() -> None:
    caller = service(purpose="hr-screening")
    assert refusal(caller, {}) == (
        "Somebody who may do so for your team has to accept 'Applicants' data' (version 1) first. "
        + f"Accept at: {PAGE}"
    )
    assert refusal(caller, {HR: {("applicants", "1")}}) == ""


def test_all_that_lacks_is_told_at_once() -> None:
    said = refusal(person(purpose="hr-screening"), {})
    assert "You have to accept 'Terms of use' (version 2) first. Somebody" in said
    assert "'Applicants' data'" in said


def test_without_a_team_a_team_s_agreement_is_never_accepted() -> None:
    assert "your credential names none" in refusal(
        service(team="", purpose="hr-screening"), {HR: {("applicants", "1")}}
    )


def test_policy_may_send_callers_elsewhere() -> None:
    rules = dataclasses.replace(RULES, accept_at="https://intranet.example.eu/consent")
    assert refusal(person(), {}, rules).endswith("Accept at: https://intranet.example.eu/consent")


@pytest.mark.parametrize("url", ["https://c.example:8443", "https://c.example:8443/"])
def test_otherwise_to_the_console_s_page(url: str) -> None:
    assert refusal(person(), {}, url=url).endswith("Accept at: https://c.example:8443/agreements")


def test_nobody_is_asked_who_has_accepted_what_is_not_required() -> None:
    def never(party: Party) -> set[tuple[str, str]]:
        raise AssertionError(party)

    require_accepted(service(), ConsentRules((TERMS, APPLICANTS)), never, CONSOLE)
