from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.errors import EndpointNotAllowed, ModelNotAllowed, PurposeNotAllowed, TierNotAllowed
from gateway_ext.exchange import Candidate, CredentialClass, Dialect, Endpoint, Principal
from gateway_ext.identity.access import AccessRule, AccessTable, Grant

CHAT, EMBEDDINGS, MESSAGES = Endpoint.CHAT_COMPLETIONS, Endpoint.EMBEDDINGS, Endpoint.MESSAGES
ADA = Principal(
    subject="ada",
    kind="person",
    issuer="company",
    credential_class=CredentialClass.SSO,
    credential_id="c1",
    team="data",
    project="atlas",
    application="notebook",
    environment="production",
    groups=frozenset({"llm-users"}),
    purpose="research",
)
US = Candidate("us/small", "us", "small", "US", "frontier")
EU = Candidate("eu/small", "eu", "small", "FR", "open-eu")
OWN = Candidate("own/small", "own", "small", "FR", "on-premises", Dialect.ANTHROPIC)
ALL = (US, EU, OWN)


def is_granted(principal: Principal, model: str, *rules: AccessRule) -> bool:
    try:
        AccessTable(rules).grant(principal, model, CHAT)
    except ModelNotAllowed:
        return False
    return True


def test_default_deny() -> None:
    assert not is_granted(ADA, "small")
    assert AccessTable(()).usable(ADA, "small", ALL) == ()


@pytest.mark.parametrize(
    ("rule", "is_allowed"),
    [
        (AccessRule("any", ("*",)), True),
        (AccessRule("pattern", ("sm*",)), True),
        (AccessRule("case", ("SMALL",)), False),
        (AccessRule("no model", ()), False),
        (AccessRule("group", ("*",), groups=frozenset({"llm-users", "x"})), True),
        (AccessRule("other group", ("*",), groups=frozenset({"x"})), False),
        (AccessRule("team", ("*",), teams=frozenset({"data"})), True),
        (AccessRule("other team", ("*",), teams=frozenset({"sales"})), False),
        (AccessRule("subject", ("*",), subjects=frozenset({"ada"})), True),
        (AccessRule("other subject", ("*",), subjects=frozenset({"eve"})), False),
        (AccessRule("class", ("*",), credential_classes=frozenset({CredentialClass.SERVICE})), False),
        (AccessRule("environment", ("*",), environments=frozenset({"production", "test"})), True),
        (AccessRule("other environment", ("*",), environments=frozenset({"test"})), False),
        (AccessRule("application", ("*",), applications=frozenset({"notebook"})), True),
        (AccessRule("other application", ("*",), applications=frozenset({"chat"})), False),
        (AccessRule("project", ("*",), projects=frozenset({"atlas"})), True),
        (AccessRule("other project", ("*",), projects=frozenset({"zeus"})), False),
        (AccessRule("all", ("*",), groups=frozenset({"llm-users"}), teams=frozenset({"sales"})), False),
    ],
    ids=lambda value: value.name if isinstance(value, AccessRule) else "",
)
def test_every_condition_given_must_match(rule: AccessRule, is_allowed: bool) -> None:
    assert is_granted(ADA, "small", rule) == is_allowed
    assert (AccessTable((rule,)).usable(ADA, "small", ALL) == ALL) == is_allowed


def test_nobody_in_particular_meets_no_condition() -> None:
    nobody = Principal("x", "service", "service", CredentialClass.SERVICE, "c2")
    named = frozenset({"data"})
    for condition in ("groups", "teams", "applications", "projects", "environments"):
        assert not is_granted(nobody, "small", AccessRule("named", ("*",), **{condition: named}))  # type: ignore[arg-type]
    with pytest.raises(PurposeNotAllowed):
        AccessTable((AccessRule("p", ("*",), purposes=named),)).grant(nobody, "small", CHAT)


def test_a_grant_names_all_rules_that_match_and_unites_their_tiers() -> None:
    table = AccessTable(
        (
            AccessRule("own", ("small",), teams=frozenset({"data"}), tiers=frozenset({"on-premises"})),
            AccessRule("not for us", ("*",), teams=frozenset({"sales"})),
            AccessRule("eu", ("*",), tiers=frozenset({"open-eu"})),
        )
    )
    grant = table.grant(ADA, "small", CHAT)
    assert grant == Grant(("own", "eu"), frozenset({"on-premises", "open-eu"}))
    assert grant.within(ALL) == (EU, OWN)
    with pytest.raises(TierNotAllowed):
        grant.within((US,))
    assert table.grant(ADA, "large", CHAT) == Grant(("eu",), frozenset({"open-eu"}))


def test_a_rule_without_tiers_grants_them_all() -> None:
    grant = AccessTable((AccessRule("eu", ("*",), tiers=frozenset({"open-eu"})), AccessRule("all", ("*",)))).grant(
        ADA, "small", CHAT
    )
    assert grant == Grant(("eu", "all"), None)
    assert grant.within(ALL) == ALL


def test_a_rule_grants_at_its_endpoints_only() -> None:
    table = AccessTable(
        (
            AccessRule("chat in the eu", ("*",), endpoints=frozenset({CHAT}), tiers=frozenset({"open-eu"})),
            AccessRule("embeddings", ("*",), endpoints=frozenset({EMBEDDINGS}), tiers=frozenset({"frontier"})),
        )
    )
    assert table.grant(ADA, "small", CHAT) == Grant(("chat in the eu",), frozenset({"open-eu"}))
    assert table.grant(ADA, "small", EMBEDDINGS).within(ALL) == (US,)
    with pytest.raises(EndpointNotAllowed):
        table.grant(ADA, "small", MESSAGES)
    assert table.usable(ADA, "small", ALL) == (US, EU)


def test_what_can_be_used_at_no_granted_endpoint_is_not_usable() -> None:
    messages = AccessRule("messages", ("*",), endpoints=frozenset({MESSAGES}))
    assert AccessTable((messages,)).usable(ADA, "small", ALL) == (OWN,)
    assert AccessTable((replace(messages, tiers=frozenset({"frontier"})),)).usable(ADA, "small", ALL) == ()


def test_a_purpose_is_met_by_a_credential_for_it() -> None:
    table = AccessTable((AccessRule("r", ("*",), purposes=frozenset({"research"}), endpoints=frozenset({CHAT})),))
    assert table.grant(ADA, "small", CHAT).rules == ("r",)
    other = replace(ADA, purpose="marketing")
    with pytest.raises(PurposeNotAllowed):
        table.grant(other, "small", CHAT)
    with pytest.raises(ModelNotAllowed):  # neither purpose nor endpoint
        table.grant(other, "small", EMBEDDINGS)
    assert table.usable(other, "small", ALL) == ()


def test_a_narrowed_credential_grants_no_more_than_its_models() -> None:
    narrowed = replace(ADA, models=("small",))
    everything, small = AccessRule("any", ("*",)), AccessRule("small", ("small",))
    assert is_granted(narrowed, "small", everything)
    assert not is_granted(narrowed, "large", everything)
    assert not is_granted(replace(ADA, models=("*",)), "large", small)
    assert not is_granted(replace(ADA, models=()), "small", everything)
    assert AccessTable((everything,)).usable(narrowed, "large", ALL) == ()
