from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.errors import UserHeaderInvalid, UserHeaderMissing
from gateway_ext.exchange import CredentialClass, Interface, Labels, Principal
from gateway_ext.identity.front_ends import conversation_ids, labels_of, person_behind
from gateway_ext.identity.rules import FrontEnd, IdentityRules, IssuerRule

EMAIL, TEAM, GROUPS = "x-openwebui-user-email", "x-team", "x-groups"
CHAT_UI = Principal(
    subject="chat-ui",
    kind="service",
    issuer="service",
    credential_class=CredentialClass.SERVICE,
    credential_id="credential-7",
    team="platform",
    project="chat",
    application="open-webui",
    environment="production",
    groups=frozenset({"llm-services"}),
    purpose="internal",
    email="platform@example.eu",
    cost_center="4711",
    models=("small",),
)
FRONT_END = FrontEnd(
    name="chat-ui",
    issuer="service",
    subject="chat-ui",
    people="company",
    asserts={"subject": EMAIL, "email": EMAIL, "team": TEAM, "groups": GROUPS},
)


def rules(
    front_end: FrontEnd = FRONT_END, lowercase: frozenset[str] = frozenset({"subject", "email"})
) -> IdentityRules:
    company = IssuerRule(
        "company", CredentialClass.SSO, "person", frozenset({Interface.PUBLIC}), {"subject": "sub"}, lowercase=lowercase
    )
    return IdentityRules({"company": company}, (), front_ends={(front_end.issuer, front_end.subject): front_end})


def behind(front_end: FrontEnd = FRONT_END, **headers: str | tuple[str, ...]) -> Principal:
    names = {"email": EMAIL, "team": TEAM, "groups": GROUPS}
    values = {names[name]: (value,) if isinstance(value, str) else value for name, value in headers.items()}
    return person_behind(CHAT_UI, values, rules(front_end))


def test_the_person_takes_the_place_of_the_service_with_its_credential() -> None:
    ada = behind(email="Ada@Example.eu", team="sales", groups="llm-users, dev")
    assert ada == replace(
        CHAT_UI,
        subject="ada@example.eu",
        email="ada@example.eu",
        kind="person",
        issuer="company",
        team="sales",
        groups=frozenset({"llm-users", "dev"}),
        asserted_by=CHAT_UI,
    )
    assert ada.front_end == "chat-ui"
    assert (ada.credential_class, ada.credential_id, ada.models) == (
        CredentialClass.SERVICE,
        "credential-7",
        ("small",),
    )


def test_what_is_not_said_is_as_for_the_service_but_for_the_address() -> None:
    only_subject = replace(FRONT_END, asserts={"subject": EMAIL})
    ada = behind(only_subject, email="ada@example.eu", team="sales", groups="admins")
    assert (ada.team, ada.groups, ada.purpose) == ("platform", frozenset({"llm-services"}), "internal")
    assert (ada.cost_center, ada.project, ada.environment, ada.application) == (
        "4711",
        "chat",
        "production",
        "open-webui",
    )
    assert ada.email == ""


def test_addresses_stay_as_written_where_the_issuer_of_people_says_nothing_else() -> None:
    values = {EMAIL: ("Ada@Example.eu",)}
    assert person_behind(CHAT_UI, values, rules(lowercase=frozenset())).subject == "Ada@Example.eu"


@pytest.mark.parametrize(
    "caller",
    [
        replace(CHAT_UI, subject="batch"),
        replace(CHAT_UI, issuer="personal"),
        replace(CHAT_UI, subject="Chat-UI"),
    ],
)
def test_everybody_elses_headers_mean_nothing(caller: Principal) -> None:
    assert person_behind(caller, {EMAIL: ("ada@example.eu", "eve@example.eu")}, rules()) is caller


def test_a_required_person_must_be_named_and_the_header_is_told() -> None:
    with pytest.raises(UserHeaderMissing, match=EMAIL):
        behind()
    with pytest.raises(UserHeaderMissing):
        behind(team="sales")


def test_where_nobody_is_required_the_service_asks_for_itself() -> None:
    optional = replace(FRONT_END, is_required=False)
    assert behind(optional) is CHAT_UI
    assert behind(optional, team="sales") is CHAT_UI
    assert behind(optional, email="ada@example.eu").subject == "ada@example.eu"


@pytest.mark.parametrize("is_required", [True, False])
@pytest.mark.parametrize(
    "value",
    [
        "",
        ("ada@example.eu", "ada@example.eu"),
        ("ada@example.eu", ""),
        "a" * 257,
        " ada@example.eu",
        "ada\t@example.eu",
        "ada\x00",
        "ada\x7f",
        "m\u00fcller@example.eu",
        "m\u00c3\u00bcller",  # UTF-8, read as Latin-1
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_without_repeating_it(
    value: str | tuple[str, ...], is_required: bool
) -> None:
    with pytest.raises(UserHeaderInvalid) as caught:
        behind(replace(FRONT_END, is_required=is_required), email=value)
    assert EMAIL in str(caught.value)
    assert "ada" not in str(caught.value)


@pytest.mark.parametrize("groups", ["", "a,,b", ",a", "a,", ("a", "b"), "a," + "b" * 257, ",".join(["g"] * 513), "ü"])
def test_groups_are_one_list_without_gaps(groups: str | tuple[str, ...]) -> None:
    with pytest.raises(UserHeaderInvalid, match=GROUPS):
        behind(email="ada@example.eu", groups=groups)


def test_percent_encoded_fields_are_decoded_and_others_are_not() -> None:
    encoded = replace(FRONT_END, percent_encoded=frozenset({"team", "groups"}))
    ada = behind(encoded, email="ada%40example.eu", team="Vertrieb S%C3%BCd", groups="a%2Cb,c")
    assert (ada.subject, ada.team, ada.groups) == ("ada%40example.eu", "Vertrieb Süd", frozenset({"a,b", "c"}))


@pytest.mark.parametrize("team", ["%", "%4", "%zz", "%ff", "%C3", "%00", "%20a", "%0A", "Süd"])
def test_bad_encodings_are_refused(team: str) -> None:
    with pytest.raises(UserHeaderInvalid, match=TEAM):
        behind(replace(FRONT_END, percent_encoded=frozenset({"team"})), email="ada@example.eu", team=team)


def test_only_headers_that_policy_maps_are_of_interest() -> None:
    assert rules().user_headers == {EMAIL, TEAM, GROUPS}
    assert IdentityRules({}, ()).user_headers == frozenset()


LABELLING = replace(FRONT_END, labels_header="x-data-class", conversation_header="x-chat-id")


@pytest.mark.parametrize("caller", [CHAT_UI, replace(CHAT_UI, subject="ada", issuer="company", asserted_by=CHAT_UI)])
def test_labels_of_a_front_end_are_trusted_whoever_it_asks_for(caller: Principal) -> None:
    headers = {"x-data-class": ("Personal, HR data,", "\tcontract")}
    assert labels_of(caller, headers, rules(LABELLING)) == Labels(frozenset({"personal", "hr data", "contract"}), True)


def test_labels_of_others_are_heard_and_not_trusted() -> None:
    headers = {"x-data-class": ("public",), "x-other": ("secret",)}
    for other in (replace(CHAT_UI, subject="another"), replace(CHAT_UI, issuer="partners")):
        assert labels_of(other, headers, rules(LABELLING)) == Labels(frozenset({"public"}), False)


def test_a_front_end_is_trusted_in_its_own_header_only() -> None:
    other = replace(LABELLING, name="other", subject="other", labels_header="x-class")
    both = replace(rules(LABELLING), front_ends={("service", "chat-ui"): LABELLING, ("service", "other"): other})
    assert labels_of(CHAT_UI, {"x-class": ("public",)}, both) == Labels(frozenset({"public"}), False)


def test_without_the_header_there_is_no_label() -> None:
    assert labels_of(CHAT_UI, {"x-data-class": ("public",)}, rules(FRONT_END)) == Labels()
    assert labels_of(CHAT_UI, {}, rules(LABELLING)) == Labels()
    assert labels_of(CHAT_UI, {"x-data-class": (" , ",)}, rules(LABELLING)).names == frozenset()


def test_anybody_may_name_their_conversation() -> None:
    assert conversation_ids({"x-chat-id": ("a", "b"), "x-user": ("c",)}, rules(LABELLING)) == ("a", "b")
    assert conversation_ids({"x-chat-id": ("a",)}, rules(FRONT_END)) == ()
    assert rules(LABELLING).user_headers == {EMAIL, TEAM, GROUPS, "x-data-class", "x-chat-id"}
