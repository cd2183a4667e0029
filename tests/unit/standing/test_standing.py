from dataclasses import replace

import pytest

from gateway_ext.errors import CredentialRevoked, PersonDisabled, Refusal, Stopped
from gateway_ext.exchange import Candidate, CredentialClass, Principal
from gateway_ext.standing.directives import EXPIRY_MARGIN_NANO, Directive, Measure, Scope, Target
from gateway_ext.standing.standing import Standing

ADA = Principal("ada", "person", "company", CredentialClass.SSO, "key-1", team="sales", application="crm")
US = Candidate("us/large", "us-provider", "large", "US", "frontier")
EU = Candidate("eu/large-eu", "eu-provider", "large-eu", "FR", "open-eu")


def standing(*targets: Target, expires: int = 0, now: int = 10) -> Standing:
    return Standing.of([Directive(target, "ops", f"because of {target.scope}", 1, expires) for target in targets], now)


def stopped(scope: Scope, value: str = "") -> Standing:
    return standing(Target(Measure.STOPPED, scope, value))


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        (Scope.EVERYTHING, ""),
        (Scope.CREDENTIAL, "key-1"),
        (Scope.PERSON, "ada"),
        (Scope.TEAM, "sales"),
        (Scope.APPLICATION, "crm"),
    ],
)
def test_a_stop_of_what_is_the_callers_says_the_operators_reason(scope: Scope, value: str) -> None:
    with pytest.raises(Stopped, match=f"because of {scope}"):
        stopped(scope, value).require_caller(ADA)


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope not in (Scope.EVERYTHING, Scope.JURISDICTION)])
def test_a_stop_of_something_else_is_none_of_the_callers(scope: Scope) -> None:
    stopped(scope, "another").require_caller(ADA)
    assert stopped(scope, "another").running("assistant", (US, EU)) == (US, EU)


def test_what_has_no_name_is_not_met_by_any_stop() -> None:
    nobody = Principal("bob", "person", "company", CredentialClass.SSO, "")
    for scope in (Scope.TEAM, Scope.APPLICATION, Scope.CREDENTIAL):
        stopped(scope, "x").require_caller(nobody)


def test_a_revoked_credential_is_refused_and_another_of_the_same_person_is_not() -> None:
    revoked = standing(Target(Measure.REVOKED, Scope.CREDENTIAL, "key-1"))
    with pytest.raises(CredentialRevoked):
        revoked.require_caller(ADA)
    revoked.require_caller(Principal("ada", "person", "company", CredentialClass.SSO, "key-2"))


CHAT_UI = Principal("chat-ui", "service", "service", CredentialClass.SERVICE, "key-7", team="it", application="ui")
THROUGH_CHAT_UI = replace(ADA, credential_id="key-7", application="ui", asserted_by=CHAT_UI)


@pytest.mark.parametrize(
    ("target", "refusal"),
    [
        (Target(Measure.REVOKED, Scope.CREDENTIAL, "key-7"), CredentialRevoked),
        (Target(Measure.DISABLED, Scope.PERSON, "chat-ui"), PersonDisabled),
        (Target(Measure.DISABLED, Scope.PERSON, "chat-ui", "service"), PersonDisabled),
        (Target(Measure.STOPPED, Scope.PERSON, "chat-ui"), Stopped),
        (Target(Measure.STOPPED, Scope.TEAM, "it"), Stopped),
        (Target(Measure.STOPPED, Scope.APPLICATION, "ui"), Stopped),
        (Target(Measure.DISABLED, Scope.PERSON, "ada"), PersonDisabled),
        (Target(Measure.DISABLED, Scope.PERSON, "ada", "company"), PersonDisabled),
        (Target(Measure.STOPPED, Scope.PERSON, "ada"), Stopped),
        (Target(Measure.STOPPED, Scope.TEAM, "sales"), Stopped),
    ],
)
def test_who_asks_through_a_front_end_needs_the_standing_of_both(target: Target, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        standing(target).require_caller(THROUGH_CHAT_UI)


def test_a_person_disabled_elsewhere_or_a_service_of_the_same_name_is_another() -> None:
    standing(
        Target(Measure.DISABLED, Scope.PERSON, "ada", "service"),
        Target(Measure.DISABLED, Scope.PERSON, "chat-ui", "company"),
        Target(Measure.DISABLED, Scope.PERSON, "eve"),
    ).require_caller(THROUGH_CHAT_UI)


def test_a_revocation_that_is_over_leaves() -> None:
    target = Target(Measure.REVOKED, Scope.CREDENTIAL, "key-1")
    assert standing(target, expires=5, now=5 + EXPIRY_MARGIN_NANO).revoked
    assert not standing(target, expires=5, now=6 + EXPIRY_MARGIN_NANO).revoked


@pytest.mark.parametrize(("issuer", "is_refused"), [("", True), ("company", True), ("personal", False)])
def test_a_person_is_disabled_at_one_issuer_or_at_all(issuer: str, is_refused: bool) -> None:
    disabled = standing(Target(Measure.DISABLED, Scope.PERSON, "ada", issuer))
    if is_refused:
        with pytest.raises(PersonDisabled):
            disabled.require_caller(ADA)
    else:
        disabled.require_caller(ADA)


@pytest.mark.parametrize(
    ("scope", "value"), [(Scope.PROVIDER, "us-provider"), (Scope.JURISDICTION, "US"), (Scope.MODEL, "large")]
)
def test_stopped_deployments_are_left_out_while_others_remain(scope: Scope, value: str) -> None:
    orders = stopped(scope, value)
    assert orders.running("assistant", (US, EU)) == (EU,)
    assert orders.is_running("assistant", (US, EU))
    assert not orders.is_running("assistant", (US,))
    with pytest.raises(Stopped) as caught:
        orders.running("assistant", (US,))
    assert caught.value.param == "model"
    with pytest.raises(Stopped):
        orders.require_running(US)
    orders.require_running(EU)


def test_a_virtual_model_is_stopped_whoever_serves_it() -> None:
    orders = stopped(Scope.MODEL, "assistant")
    with pytest.raises(Refusal, match="because of model"):
        orders.running("assistant", (US, EU))
    assert not orders.is_running("assistant", (US, EU))
    assert orders.running("embedder", (US, EU)) == (US, EU)
