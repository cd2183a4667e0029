from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.vocabulary import ACCESS
from gateway_ext.errors import ConditionFailed, EndpointNotAllowed, ModelNotAllowed, PurposeNotAllowed, TierNotAllowed
from gateway_ext.exchange import ENDPOINTS_OF, Candidate, CredentialClass, Dialect, Endpoint, Principal
from gateway_ext.identity.access import AccessRule, AccessTable, Grant

CHAT, EMBEDDINGS, MESSAGES = Endpoint.CHAT_COMPLETIONS, Endpoint.EMBEDDINGS, Endpoint.MESSAGES
NOON = 1_767_268_800 * 1_000_000_000  # 2026-01-01T12:00:00Z
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
OWN = Candidate("own/small", "own", "small", "FR", "on-premises", ENDPOINTS_OF[Dialect.ANTHROPIC])
ALL = (US, EU, OWN)


def is_granted(principal: Principal, model: str, *rules: AccessRule) -> bool:
    try:
        AccessTable(rules).grant(principal, model, CHAT, NOON)
    except ModelNotAllowed:
        return False
    return True


def test_default_deny() -> None:
    assert not is_granted(ADA, "small")
    assert AccessTable(()).usable(ADA, "small", ALL, NOON) == ()


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
    assert (AccessTable((rule,)).usable(ADA, "small", ALL, NOON) == ALL) == is_allowed


def test_nobody_in_particular_meets_no_condition() -> None:
    nobody = Principal("x", "service", "service", CredentialClass.SERVICE, "c2")
    named = frozenset({"data"})
    for condition in ("groups", "teams", "applications", "projects", "environments"):
        assert not is_granted(nobody, "small", AccessRule("named", ("*",), **{condition: named}))  # type: ignore[arg-type]
    with pytest.raises(PurposeNotAllowed):
        AccessTable((AccessRule("p", ("*",), purposes=named),)).grant(nobody, "small", CHAT, NOON)


def test_a_grant_names_all_rules_that_match_and_unites_their_tiers() -> None:
    table = AccessTable(
        (
            AccessRule("own", ("small",), teams=frozenset({"data"}), tiers=frozenset({"on-premises"})),
            AccessRule("not for us", ("*",), teams=frozenset({"sales"})),
            AccessRule("eu", ("*",), tiers=frozenset({"open-eu"})),
        )
    )
    grant = table.grant(ADA, "small", CHAT, NOON)
    assert grant == Grant(("own", "eu"), frozenset({"on-premises", "open-eu"}))
    assert grant.within(ALL) == (EU, OWN)
    with pytest.raises(TierNotAllowed):
        grant.within((US,))
    assert table.grant(ADA, "large", CHAT, NOON) == Grant(("eu",), frozenset({"open-eu"}))


def test_a_rule_without_tiers_grants_them_all() -> None:
    grant = AccessTable((AccessRule("eu", ("*",), tiers=frozenset({"open-eu"})), AccessRule("all", ("*",)))).grant(
        ADA, "small", CHAT, NOON
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
    assert table.grant(ADA, "small", CHAT, NOON) == Grant(("chat in the eu",), frozenset({"open-eu"}))
    assert table.grant(ADA, "small", EMBEDDINGS, NOON).within(ALL) == (US,)
    with pytest.raises(EndpointNotAllowed):
        table.grant(ADA, "small", MESSAGES, NOON)
    assert table.usable(ADA, "small", ALL, NOON) == (US, EU)


def test_what_can_be_used_at_no_granted_endpoint_is_not_usable() -> None:
    messages = AccessRule("messages", ("*",), endpoints=frozenset({MESSAGES}))
    assert AccessTable((messages,)).usable(ADA, "small", ALL, NOON) == ALL  # the others translated
    embeddings = AccessRule("embeddings", ("*",), endpoints=frozenset({EMBEDDINGS}), tiers=frozenset({"on-premises"}))
    assert AccessTable((embeddings,)).usable(ADA, "small", ALL, NOON) == ()


def test_a_purpose_is_met_by_a_credential_for_it() -> None:
    table = AccessTable((AccessRule("r", ("*",), purposes=frozenset({"research"}), endpoints=frozenset({CHAT})),))
    assert table.grant(ADA, "small", CHAT, NOON).rules == ("r",)
    other = replace(ADA, purpose="marketing")
    with pytest.raises(PurposeNotAllowed):
        table.grant(other, "small", CHAT, NOON)
    with pytest.raises(ModelNotAllowed):  # neither purpose nor endpoint
        table.grant(other, "small", EMBEDDINGS, NOON)
    assert table.usable(other, "small", ALL, NOON) == ()


def test_a_narrowed_credential_grants_no_more_than_its_models() -> None:
    narrowed = replace(ADA, models=("small",))
    everything, small = AccessRule("any", ("*",)), AccessRule("small", ("small",))
    assert is_granted(narrowed, "small", everything)
    assert not is_granted(narrowed, "large", everything)
    assert not is_granted(replace(ADA, models=("*",)), "large", small)
    assert not is_granted(replace(ADA, models=()), "small", everything)
    assert AccessTable((everything,)).usable(narrowed, "large", ALL, NOON) == ()


def test_a_rule_grants_while_its_condition_holds() -> None:
    in_the_morning = compile_condition("now.getHours() < 12 && request.endpoint != '/v1/embeddings'", ACCESS)
    table = AccessTable((AccessRule("mornings", ("*",), when=in_the_morning),))
    assert table.grant(ADA, "small", CHAT, NOON - 1).rules == ("mornings",)
    assert table.usable(ADA, "small", ALL, NOON - 1) == ALL
    with pytest.raises(ModelNotAllowed):
        table.grant(ADA, "small", CHAT, NOON)
    with pytest.raises(ModelNotAllowed):
        table.grant(ADA, "small", EMBEDDINGS, NOON - 1)
    assert table.usable(ADA, "small", ALL, NOON) == ()


def test_what_may_be_used_at_one_endpoint_only_is_usable() -> None:
    embedding = compile_condition("request.endpoint == '/v1/embeddings'", ACCESS)
    assert AccessTable((AccessRule("e", ("*",), when=embedding),)).usable(ADA, "small", ALL, NOON) == tuple(
        each for each in ALL if each.wire(EMBEDDINGS)
    )


def test_a_condition_that_cannot_be_judged_grants_nothing_and_hides_nothing() -> None:
    odd = compile_condition("int(caller.team) > 3", ACCESS, rule="access:odd")
    table = AccessTable((AccessRule("odd", ("*",), when=odd), AccessRule("all", ("*",))))
    with pytest.raises(ConditionFailed):
        table.grant(ADA, "small", CHAT, NOON)
    with pytest.raises(ConditionFailed):
        table.usable(ADA, "small", ALL, NOON)
