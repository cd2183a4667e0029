"""Whatever headers come: a person is named by a front end's one clean value, or the request is refused or the service's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.errors import UserHeaderInvalid, UserHeaderMissing
from gateway_ext.exchange import CredentialClass, Interface, Principal
from gateway_ext.identity.front_ends import person_behind
from gateway_ext.identity.rules import FrontEnd, IdentityRules, IssuerRule

SERVICE = Principal("chat-ui", "service", "service", CredentialClass.SERVICE, "c", groups=frozenset({"services"}))
COMPANY = IssuerRule("company", CredentialClass.SSO, "person", frozenset({Interface.PUBLIC}), {"subject": "sub"})
HEADERS = ("x-user", "x-team", "x-groups", "x-other")

value = st.text(max_size=300) | st.sampled_from(["ada", "a, b", "%41", "%", ""])
headers = st.dictionaries(st.sampled_from(HEADERS), st.lists(value, min_size=1, max_size=2).map(tuple))
fields = st.sampled_from(["subject", "email", "team", "groups"])
front_ends = st.builds(
    FrontEnd,
    name=st.just("chat-ui"),
    issuer=st.just("service"),
    subject=st.sampled_from(["chat-ui", "another"]),
    people=st.just("company"),
    asserts=st.dictionaries(fields, st.sampled_from(HEADERS)).map(lambda asserts: {"subject": "x-user"} | asserts),
    is_required=st.booleans(),
    percent_encoded=st.frozensets(fields),
)


@given(front_ends, headers)
def test_a_person_comes_from_a_front_ends_own_clean_headers_only(
    front_end: FrontEnd, headers: dict[str, tuple[str, ...]]
) -> None:
    rules = IdentityRules({"company": COMPANY}, (), front_ends={("service", front_end.subject): front_end})
    heard = {header for header in front_end.asserts.values() if header in headers}
    try:
        found = person_behind(SERVICE, headers, rules)
    except UserHeaderMissing:
        assert front_end.is_required
        assert front_end.asserts["subject"] not in headers
        return
    except UserHeaderInvalid:
        assert heard
        return
    if found is SERVICE:
        assert front_end.subject == "another" or front_end.asserts["subject"] not in headers
        return
    assert front_end.subject == "chat-ui"
    assert found.asserted_by is SERVICE
    assert (found.kind, found.issuer, found.credential_id) == ("person", "company", "c")
    assert all(len(headers[header]) == 1 for header in heard)
    for name in ("subject", "email", "team"):
        said = getattr(found, name)
        if front_end.asserts.get(name) in heard:
            assert 0 < len(said) <= 256
            assert said.isprintable()
            if name not in front_end.percent_encoded:
                assert (said,) == headers[front_end.asserts[name]]
        else:
            assert said == ("" if name == "email" else getattr(SERVICE, name))
    if front_end.asserts.get("groups") not in heard:
        assert found.groups == SERVICE.groups
    else:
        assert all(group.isprintable() and group for group in found.groups)
